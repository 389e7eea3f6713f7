// Writes figures into documents, between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`.

/**
 * @param {string} text a document
 * @param {(name: string) => string | undefined} contentOf undefined: leave as it is
 */
export function fillMarkers(text, contentOf) {
  return text.replace(/<!-- bench:([\w./-]+) -->([\s\S]*?)<!-- \/bench:\1 -->/g, (whole, name, before) => {
    const content = contentOf(name);
    if (content === undefined) return whole;
    // Between lines it stays between lines, in a line it stays there.
    const gap = before.includes('\n') ? '\n' : '';
    return `<!-- bench:${name} -->${gap}${content}${gap}<!-- /bench:${name} -->`;
  });
}
