/**
 * The built page, read once into memory: a fixed map from address to bytes, so that no address reaches the disk.
 *   IA1  What is not in the map does not exist; an address is compared, never joined to a folder.
 */
import { fileURLToPath } from 'node:url'
import { diskFileSystem } from '../index.ts'

/** A file of the page. */
export interface Asset {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly type: string
  /** Its name changes with its content, so a browser may keep it. */
  readonly isFixed: boolean
}

/** The files of the page by address: `/index.html`, `/assets/…`. */
export type Assets = ReadonlyMap<string, Asset>

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
  woff2: 'font/woff2',
}

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>sessionwright inspector</title>
<p>The page of the inspector was not built. Run <code>npm run build</code>; the data is served below <code>api/</code>.</p></html>`

let loaded: Promise<Assets> | undefined

/** The page of this package; read at the first call. */
export function pageAssets(): Promise<Assets> {
  loaded ??= load(fileURLToPath(new URL('./page/', import.meta.url)))
  return loaded
}

/** The answer with a file of the page; undefined when there is none at this address (IA1). */
export function assetResponse(assets: Assets, path: string): Response | undefined {
  const asset = assets.get(path === '/' ? '/index.html' : path)
  if (asset === undefined) return undefined
  const keep = asset.isFixed ? 'private, max-age=31536000, immutable' : 'no-store'
  return new Response(asset.bytes, { headers: { 'content-type': asset.type, 'cache-control': keep } })
}

async function load(folder: string): Promise<Assets> {
  const assets = new Map<string, Asset>()
  if (await isFolder(folder)) await add(assets, folder, '/')
  if (!assets.has('/index.html')) {
    const type = TYPES['html'] as string
    assets.set('/index.html', { bytes: new TextEncoder().encode(NOT_BUILT), type, isFixed: false })
  }
  return assets
}

async function isFolder(path: string): Promise<boolean> {
  return (await diskFileSystem.status(path))?.kind === 'folder'
}

async function add(assets: Map<string, Asset>, folder: string, address: string): Promise<void> {
  for (const name of await diskFileSystem.list(folder)) {
    const path = `${folder}${name}`
    if (await isFolder(path)) await add(assets, `${path}/`, `${address}${name}/`)
    const type = TYPES[name.slice(name.lastIndexOf('.') + 1)]
    if (type === undefined || (await isFolder(path))) continue
    assets.set(`${address}${name}`, { bytes: await read(path), type, isFixed: address === '/assets/' })
  }
}

async function read(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const handle = await diskFileSystem.open(path, 'read')
  try {
    const bytes = new Uint8Array(await handle.size())
    let done = 0
    while (done < bytes.length) {
      const count = await handle.read(bytes, done, bytes.length - done, done)
      if (count === 0) break
      done += count
    }
    return bytes
  } finally {
    await handle.close()
  }
}
