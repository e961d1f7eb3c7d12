/** What a figure was measured on. */
import { readFileSync, statfsSync } from 'node:fs'
import { arch, cpus, loadavg, release, totalmem, type } from 'node:os'

const FILE_SYSTEMS = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs (not durable)'],
  [0x794c7630, 'overlay'],
  [0x2fc12fc1, 'zfs'],
])

/** The machine, as far as it matters to a disk-bound program. */
export function machine(folder) {
  const kind = statfsSync(folder).type
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    platform: `${type()} ${release()} ${arch()}`,
    node: process.versions.node,
    fileSystem: FILE_SYSTEMS.get(kind) ?? `file system 0x${kind.toString(16)}`,
    load: Math.round(loadavg()[0] * 10) / 10,
  }
}

/** The versions of the product and of everything it is compared with. */
export function versions() {
  const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
  const { version, dependencies } = read('../package.json')
  const peers = read('./peers/package.json')
  // SqliteSaver chooses its own driver.
  const { version: driver } = read('./peers/package-lock.json').packages['node_modules/better-sqlite3']
  const chosen = { ...peers.dependencies, ...peers.optionalDependencies, 'better-sqlite3': driver }
  const all = { ...dependencies, ...chosen }
  const compared = Object.entries(all).map(([name, at]) => `${name} ${at}`)
  return [`sessionwright ${version}`, ...compared.toSorted()]
}
