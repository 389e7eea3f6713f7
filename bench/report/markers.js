// Writes figures into documents, between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`.

const marker = /<!-- bench:([\w./-]+) -->([\s\S]*?)<!-- \/bench:\1 -->/g;

/** What stands in a document now. @param {string} text @returns {{ name: string, content: string }[]} */
export function readMarkers(text) {
  return [...text.matchAll(marker)].map(([, name = '', content = '']) => ({ name, content }));
}

/**
 * @param {string} text a document
 * @param {(name: string) => string | undefined} contentOf undefined: leave as it is
 */
export function fillMarkers(text, contentOf) {
  return text.replace(marker, (whole, name, before) => {
    const content = contentOf(name);
    if (content === undefined) return whole;
    // Between lines it stays between lines, in a line it stays there.
    const gap = before.includes('\n') ? '\n' : '';
    return `<!-- bench:${name} -->${gap}${content}${gap}<!-- /bench:${name} -->`;
  });
}
