/**
 * The document store of seed 004: Markdown and JSON files in categories, beside the journal and independent of it.
 *   DO1  No category or name leaves `<dir>/documents`, on any path, delete included; no link is followed on the way.
 *   DO2  A save that resolved survives a power cut, with the folders it made; one that did not leaves the old document
 *       or the new one, never a mixture.
 *   DO3  A missing document is `undefined`, a missing category is empty; every other failure surfaces.
 */
import { dirname } from 'node:path'
import { sessionError } from '../errors.ts'
import type { Json } from '../json.ts'
import { plainJson } from '../json.ts'
import type { FileSystem } from './file-system.ts'
import { diskFileSystem, errnoOf, readWhole, replaceFile } from './file-system.ts'

/** Where documents are kept. */
export interface DocumentsOptions {
  /** Folder of a store; documents live in its folder `documents`. */
  readonly dir: string
  /** The disk; that of the machine by default. */
  readonly files?: FileSystem
  /** Makes each temporary name unlike any other; the process id and a count by default. */
  readonly unique?: () => string
}

/** Markdown and JSON documents, by category (`a` or `a/b`) and name. */
export interface Documents {
  /** The folder it was opened with. */
  readonly dir: string
  /** Writes a Markdown document in place of the one before. @throws DOCUMENT_INVALID, STORE_UNSAFE */
  saveMarkdown(category: string, name: string, text: string): Promise<void>
  /** The text of a Markdown document. @throws DOCUMENT_INVALID, STORE_UNSAFE */
  loadMarkdown(category: string, name: string): Promise<string | undefined>
  /** Writes a JSON document, indented, in place of the one before. @throws DOCUMENT_INVALID, CONTENT_INVALID, STORE_UNSAFE */
  saveJson(category: string, name: string, value: unknown): Promise<void>
  /** The value of a JSON document. @throws DOCUMENT_INVALID when it is not JSON, STORE_UNSAFE */
  loadJson(category: string, name: string): Promise<Json | undefined>
  /** The names in a category, ascending, each once, whichever kinds it has. @throws DOCUMENT_INVALID, STORE_UNSAFE */
  list(category: string): Promise<string[]>
  /** Removes the JSON document, or else the Markdown one, never both; false when neither is there. @throws DOCUMENT_INVALID, STORE_UNSAFE */
  delete(category: string, name: string): Promise<boolean>
}

type Extension = 'json' | 'md'

/** How many temporary names are tried when others took them. */
const NAME_ATTEMPTS = 100

/** Opens the document store of a folder. Nothing is made or read yet, and nothing can fail. */
export function openDocuments(options: DocumentsOptions): Documents {
  return new FolderDocuments(options)
}

/** A class, so that printing it shows the folder and nothing else. */
class FolderDocuments implements Documents {
  readonly dir: string
  readonly #files: FileSystem
  readonly #unique: () => string
  /** Categories whose folders this instance made durable (DO2). */
  readonly #ready = new Map<string, Promise<void>>()

  constructor({ dir, files = diskFileSystem, unique = countedNames() }: DocumentsOptions) {
    this.dir = dir
    this.#files = files
    this.#unique = unique
  }

  async saveMarkdown(category: string, name: string, text: string): Promise<void> {
    checkPlace(category, name)
    if (typeof text !== 'string') throw new TypeError('the text of a document is a string')
    if (isBroken(text)) throw invalid(`the text of '${category}/${name}' is not well-formed Unicode`)
    await this.#save(category, `${name}.md`, text)
  }

  async loadMarkdown(category: string, name: string): Promise<string | undefined> {
    checkPlace(category, name)
    return this.#load(category, `${name}.md`)
  }

  async saveJson(category: string, name: string, value: unknown): Promise<void> {
    checkPlace(category, name)
    await this.#save(category, `${name}.json`, JSON.stringify(plainJson(value), null, 2))
  }

  async loadJson(category: string, name: string): Promise<Json | undefined> {
    checkPlace(category, name)
    const text = await this.#load(category, `${name}.json`)
    if (text === undefined) return undefined
    try {
      return JSON.parse(text) as Json
    } catch {
      // The parser's own message quotes the content.
      throw invalid(`the document '${category}/${name}.json' is not valid JSON`)
    }
  }

  async list(category: string): Promise<string[]> {
    checkCategory(category)
    const folder = await this.#find(category)
    if (folder === undefined) return []
    const stems = (await this.#files.list(folder)).flatMap(
      (file) => /^(.+)\.(?:md|json)$/s.exec(file)?.[1] ?? [],
    )
    return [...new Set(stems)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  async delete(category: string, name: string): Promise<boolean> {
    checkPlace(category, name)
    const folder = await this.#find(category)
    if (folder === undefined) return false
    const extensions: readonly Extension[] = ['json', 'md']
    for (const extension of extensions) {
      try {
        await this.#files.remove(`${folder}/${name}.${extension}`)
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') continue
        throw error
      }
      await this.#files.syncFolder(folder)
      return true
    }
    return false
  }

  async #save(category: string, file: string, text: string): Promise<void> {
    if ((await this.#find(category)) === undefined) this.#ready.delete(category)
    await this.#makeReady(category)
    const bytes = Buffer.from(text)
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await replaceFile(this.#files, this.#folderOf(category), file, bytes, this.#unique())
      } catch (error) {
        // The name is made exclusively, so a name that is taken costs another try and nothing else.
        if (errnoOf(error) === 'EEXIST' && attempt < NAME_ATTEMPTS) continue
        this.#ready.delete(category)
        throw error
      }
    }
  }

  async #load(category: string, file: string): Promise<string | undefined> {
    const folder = await this.#find(category)
    if (folder === undefined) return undefined
    const path = `${folder}/${file}`
    const status = await this.#files.status(path)
    if (status === undefined) return undefined
    if (status.kind !== 'file') throw unsafe(path, 'it is not a file')
    const bytes = await readWhole(this.#files, path)
    try {
      return bytes && new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    } catch {
      throw invalid(`the document '${category}/${file}' is not UTF-8`)
    }
  }

  #folderOf(category: string): string {
    return `${this.dir}/documents/${category}`
  }

  /** The category's folder, each part of the way looked at and none of them a link (DO1); undefined when absent. */
  async #find(category: string): Promise<string | undefined> {
    let folder = this.dir
    for (const part of ['documents', ...category.split('/')]) {
      folder = `${folder}/${part}`
      const status = await this.#files.status(folder)
      if (status === undefined) return undefined
      if (status.kind !== 'folder') throw unsafe(folder, 'it is not a folder')
    }
    return folder
  }

  /** Makes the folders of a category durable once: one found may have been made just before a crash (DO2). */
  #makeReady(category: string): Promise<void> {
    const known = this.#ready.get(category)
    if (known !== undefined) return known
    const making = this.#makeFolders(category)
    this.#ready.set(category, making)
    making.catch(() => this.#ready.delete(category))
    return making
  }

  async #makeFolders(category: string): Promise<void> {
    await makeDurably(this.#files, this.dir)
    let parent = this.dir
    for (const part of ['documents', ...category.split('/')]) {
      const folder = `${parent}/${part}`
      const status = await this.#files.status(folder)
      if (status !== undefined && status.kind !== 'folder') throw unsafe(folder, 'it is not a folder')
      if (status === undefined) await this.#files.makeFolder(folder)
      await this.#files.syncFolder(parent)
      parent = folder
    }
  }
}

/** Makes a folder and the parents it lacks; those that were there are another's to sync. */
async function makeDurably(files: FileSystem, folder: string): Promise<void> {
  const parent = dirname(folder)
  if (parent === folder || (await files.status(folder)) !== undefined) return
  await makeDurably(files, parent)
  await files.makeFolder(folder)
  await files.syncFolder(parent)
}

function countedNames(): () => string {
  let count = 0
  return () => `${process.pid}-${(count += 1)}`
}

function checkPlace(category: string, name: string): void {
  checkCategory(category)
  const leaves = name === '' || name === '.' || name.includes('..') || /[/\\\0]/.test(name)
  if (leaves || isBroken(name)) throw invalid(`invalid file name: '${name}'`)
}

/** An empty part is a slash at either end or two in a row. */
function checkCategory(category: string): void {
  const leaves = category.includes('..') || /[\\\0]/.test(category)
  if (leaves || isBroken(category) || category.split('/').some((part) => part === '' || part === '.')) {
    throw invalid(`invalid category name: '${category}'`)
  }
}

/** A lone surrogate has no UTF-8 form: two names, or two texts, would become one. */
function isBroken(text: string): boolean {
  return /\p{Surrogate}/u.test(text)
}

function invalid(reason: string): Error {
  return sessionError('DOCUMENT_INVALID', { reason })
}

function unsafe(place: string, reason: string): Error {
  return sessionError('STORE_UNSAFE', { place, reason })
}
