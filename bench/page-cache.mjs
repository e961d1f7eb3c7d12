/** Makes the next reading of files start from the disk. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Asks the system to forget the pages of the files in a folder; false where it cannot be asked. */
export function forgetPages(folder) {
  if (process.platform !== 'linux') return false
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .every(({ parentPath, name }) => {
      const file = join(parentPath, name)
      return spawnSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' }).status === 0
    })
}
