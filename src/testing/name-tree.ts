/**
 * The names of a simulated disk: folders, what they show and what of them would survive.
 *   FK4  Making, renaming, linking and removing a name is durable only after a sync of its folder; without it, each
 *       folder keeps a random prefix of its pending operations. A rename between folders survives whole or not at all.
 */
import type { CachedFile } from './cached-file.ts'
import type { SeededRandom } from './seeded-random.ts'

/** A folder: the names it shows, and those the disk holds. */
export interface Folder {
  readonly kind: 'folder'
  readonly names: Map<string, Node>
  readonly durableNames: Map<string, Node>
}

/** A file or a folder. */
export type Node = CachedFile | Folder

type NamesOf = (folder: Folder) => Map<string, Node>

interface NameOperation {
  readonly folders: readonly Folder[]
  readonly apply: (namesOf: NamesOf) => void
}

/** Whether a node is a folder. */
export function isFolder(node: Node | undefined): node is Folder {
  return node !== undefined && 'kind' in node
}

function emptyFolder(): Folder {
  return { kind: 'folder', names: new Map(), durableNames: new Map() }
}

/** A tree of names with its root folder. */
export class NameTree {
  readonly root: Folder
  #pending: NameOperation[] = []

  constructor(root: Folder = emptyFolder()) {
    this.root = root
  }

  makeFolder(folder: Folder, name: string): Folder {
    const made = emptyFolder()
    this.put(folder, name, made)
    return made
  }

  put(folder: Folder, name: string, node: Node): void {
    this.#operate([folder], (namesOf) => namesOf(folder).set(name, node))
  }

  move(from: Folder, name: string, to: Folder, newName: string, node: Node): void {
    this.#operate([from, to], (namesOf) => {
      namesOf(from).delete(name)
      namesOf(to).set(newName, node)
    })
  }

  remove(folder: Folder, name: string): void {
    this.#operate([folder], (namesOf) => namesOf(folder).delete(name))
  }

  /** The folder's names are on the disk afterwards, and so is whatever a rename out of another folder built upon. */
  sync(folder: Folder): void {
    const reached = new Set<Folder>([folder])
    const due = new Set<NameOperation>()
    for (const operation of this.#pending.toReversed()) {
      if (!operation.folders.some((touched) => reached.has(touched))) continue
      due.add(operation)
      for (const touched of operation.folders) reached.add(touched)
    }
    for (const operation of due.size === 0 ? [] : this.#pending) {
      if (due.has(operation)) operation.apply((touched) => touched.durableNames)
    }
    this.#pending = this.#pending.filter((operation) => !due.has(operation))
  }

  /** Every name is on the disk afterwards. */
  settle(): void {
    for (const operation of this.#pending) operation.apply((folder) => folder.durableNames)
    this.#pending = []
  }

  /** Each file of the tree once, with one of its paths. */
  *files(
    folder: Folder = this.root,
    path = '',
    seen = new Set<Node>(),
  ): Generator<[path: string, file: CachedFile]> {
    for (const [name, node] of folder.names) {
      if (seen.has(node)) continue
      seen.add(node)
      if (isFolder(node)) yield* this.files(node, `${path}/${name}`, seen)
      else yield [`${path}/${name}`, node]
    }
  }

  /** The tree as one power cut leaves it; the tree itself is not altered (FK4). */
  afterPowerCut(random: SeededRandom): NameTree {
    const surviving = new Map<Folder, Map<string, Node>>()
    const namesOf: NamesOf = (folder) => {
      const names = surviving.get(folder) ?? new Map(folder.durableNames)
      surviving.set(folder, names)
      return names
    }
    const left = this.#drawPrefixes(random)
    for (const operation of this.#pending) {
      const survives = operation.folders.every((folder) => (left.get(folder) ?? 0) > 0)
      for (const folder of operation.folders) left.set(folder, survives ? (left.get(folder) ?? 0) - 1 : 0)
      if (survives) operation.apply(namesOf)
    }
    return new NameTree(rebuild(this.root, namesOf, random, new Map()))
  }

  /** How many of its pending operations each folder keeps. */
  #drawPrefixes(random: SeededRandom): Map<Folder, number> {
    const counts = new Map<Folder, number>()
    for (const { folders } of this.#pending) {
      for (const folder of new Set(folders)) counts.set(folder, (counts.get(folder) ?? 0) + 1)
    }
    return new Map([...counts].map(([folder, count]) => [folder, random.below(count + 1)]))
  }

  #operate(folders: readonly Folder[], apply: NameOperation['apply']): void {
    const operation: NameOperation = { folders: [...new Set(folders)], apply }
    operation.apply((folder) => folder.names)
    this.#pending.push(operation)
  }
}

/** A fresh tree of what survived; a file with two names stays one file. */
function rebuild(
  folder: Folder,
  namesOf: NamesOf,
  random: SeededRandom,
  files: Map<CachedFile, CachedFile>,
): Folder {
  const rebuilt = emptyFolder()
  for (const [name, node] of namesOf(folder)) {
    let survivor: Node
    if (isFolder(node)) {
      survivor = rebuild(node, namesOf, random, files)
    } else {
      survivor = files.get(node) ?? node.afterPowerCut(random)
      files.set(node, survivor)
    }
    rebuilt.names.set(name, survivor)
    rebuilt.durableNames.set(name, survivor)
  }
  return rebuilt
}
