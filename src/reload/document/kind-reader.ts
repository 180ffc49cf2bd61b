import { fromUtf8 } from '../../base/index.ts';
import type { KindId } from '../wire/ids.ts';
import type { AccessControl, DataModel, KindDefinition } from '../wire/kind-table.ts';
import { DocumentError } from './document-error.ts';
import { kindName, registeredKinds } from './kinds.ts';
import { BASE_NAMESPACE } from './namespaces.ts';
import type { KindBlock } from './overlay-document.ts';
import { invalid, readBase64, readInteger, shown } from './values.ts';
import { parseXml, type XmlNode } from './xml-tree.ts';

/** Kinds one document may declare. */
const MAX_KINDS = 256;

const DATA_MODELS: readonly DataModel[] = ['SINGLE', 'ARRAY', 'DICTIONARY'];
const ACCESS_CONTROLS: readonly AccessControl[] = [
  'USER-MATCH',
  'NODE-MATCH',
  'USER-NODE-MATCH',
  'NODE-MULTIPLE',
];

export interface RequiredKinds {
  readonly blocks: ReadonlyMap<KindId, KindBlock>;
  /** Why others cannot be had here. */
  readonly unsupported: readonly string[];
}

/**
 * The kind-blocks of a required-kinds element (RFC 6940 §11.1); their signatures are not checked.
 * @throws DocumentError 'document-invalid'
 */
export function readKindBlocks(requiredKinds: XmlNode): RequiredKinds {
  if (requiredKinds.children.length > MAX_KINDS) invalid(`it declares more than ${MAX_KINDS} Kinds`);
  const blocks = new Map<KindId, KindBlock>();
  const unsupported: string[] = [];
  for (const block of requiredKinds.children) {
    const [element] = block.children.filter(({ name }) => name === 'kind');
    const [signature] = block.children.filter(({ name }) => name === 'kind-signature');
    const kind = readKind(element!);
    if (typeof kind === 'string') {
      unsupported.push(kind);
      continue;
    }
    if (blocks.has(kind.id)) invalid(`it declares ${kind.name} twice`);
    blocks.set(kind.id, {
      kind,
      text: fromUtf8(block.bytes),
      signed: element!.bytes,
      signature: signature && readBase64(signature.text),
    });
  }
  return { blocks, unsupported };
}

/**
 * A kind-block on its own, as a ConfigUpdate brings it (§6.5.4.1): "encoded with UTF-8 and assume a default namespace".
 * @throws DocumentError
 */
export function parseKindBlock(text: string): KindBlock {
  const root = parseXml(
    Buffer.from(`<required-kinds xmlns="${BASE_NAMESPACE}">${text.trim()}</required-kinds>`),
  );
  const { blocks, unsupported } = readKindBlocks(root);
  if (unsupported[0] !== undefined) throw new DocumentError('document-unsupported', unsupported[0]);
  const [block, ...others] = blocks.values();
  if (block === undefined || others.length > 0) invalid('it is not one kind-block');
  return block;
}

/** The definition, or why it cannot be had here. */
function readKind(element: XmlNode): KindDefinition | string {
  const id = element.attributes.get('id');
  const registered = id === undefined ? undefined : registeredKinds.get(Number(id));
  const name = element.attributes.get('name') ?? registered?.name;
  return name === undefined ? privateKind(Number(id), element) : registeredKind(name, element);
}

/**
 * §11.1: data-model and access-control of a registered Kind count as registered, whatever the document says
 * (requirement T5: RFC 6940's own example declares SIP-REGISTRATION otherwise).
 */
function registeredKind(name: string, element: XmlNode): KindDefinition | string {
  const kind = [...registeredKinds.values()].find((known) => known.name === name);
  if (kind === undefined) return `the Kind ${shown(name)} is unknown here`;
  return { ...kind, ...limitsOf(element, kind) };
}

function privateKind(id: KindId, element: XmlNode): KindDefinition | string {
  const name = kindName(id);
  const value = (child: string): string => element.children.find((node) => node.name === child)?.text ?? '';
  const dataModel = DATA_MODELS.find((known) => known === value('data-model'));
  if (dataModel === undefined) return `${name} has the data-model ${shown(value('data-model'))}`;
  const accessControl = ACCESS_CONTROLS.find((known) => known === value('access-control'));
  if (accessControl === undefined) {
    return `${name} has the access-control ${shown(value('access-control'))}`;
  }
  // §7.3.3: USER-NODE-MATCH is for dictionaries, whose key is the Node-ID.
  if (accessControl === 'USER-NODE-MATCH' && dataModel !== 'DICTIONARY') {
    invalid(`${name} is USER-NODE-MATCH, but no dictionary`);
  }
  return { id, name, dataModel, accessControl, ...limitsOf(element, { name, accessControl }) };
}

function limitsOf(element: XmlNode, { name, accessControl }: Pick<KindDefinition, 'name' | 'accessControl'>) {
  const values = new Map(element.children.map((child) => [child.name, child.text]));
  const integer = (child: string, max: number): number =>
    readInteger(values.get(child) ?? '', `${child} of ${name}`, 1, max);
  const limits = { maxCount: integer('max-count', 2 ** 31 - 1), maxSize: integer('max-size', 2 ** 31 - 1) };
  // "If the access control is NODE-MULTIPLE, this element MUST be included. ... an integer greater than 0."
  return accessControl === 'NODE-MULTIPLE'
    ? { ...limits, maxNodeMultiple: integer('max-node-multiple', 255) }
    : limits;
}
