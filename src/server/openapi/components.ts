// What operations of the API's description share: each part is written once, under a name, and referred to.
import { dictionary } from '../../dictionary.js';

/** A node of the document: plain JSON. */
export type Node = Readonly<Record<string, unknown>>;

export interface Reference {
  readonly $ref: string;
}

type Section = 'schemas' | 'responses' | 'parameters' | 'headers';

export interface Components {
  /** Refers to a part, which is made where nobody has referred to it yet. */
  share(section: Section, name: string, make: () => Node): Reference;
  /** All that was referred to. */
  document(): Node;
}

export function createComponents(): Components {
  const sections: Record<Section, Record<string, Node>> = {
    schemas: dictionary(),
    responses: dictionary(),
    parameters: dictionary(),
    headers: dictionary(),
  };
  return {
    share(section, name, make) {
      sections[section][name] ??= make();
      return { $ref: `#/components/${section}/${name}` };
    },
    document: () => sections,
  };
}
