/**
 * A file system of its own, in an image on a loop device, whose power can be cut: the shutdown call of ext4 and XFS stops it
 * where it stands, without writing out its log, and what a new mount finds is what a power cut leaves.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The file systems that know the call. */
export const KINDS = ['ext4', 'xfs'] as const

/** XFS refuses to be smaller; the image has holes. */
const IMAGE_BYTES = 320 * 1024 * 1024

/** `_IOR('X', 125, u32)` with 2, "do not flush the log": EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN are the same number. */
const CUT = `import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack("I", 2))`

/** Runs a program of the system; throws with what it said when it fails. */
function run(program: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new TypeError(`${program}: ${error?.message ?? stderr.trim()}`)
}

/** One mounted image. */
export class PowerDisk {
  readonly #image: string
  readonly #mount: string

  /** Makes and mounts an image; throws when this machine cannot. */
  constructor(folder: string, kind: (typeof KINDS)[number]) {
    this.#image = join(folder, `${kind}.img`)
    this.#mount = join(folder, kind)
    mkdirSync(this.#mount)
    writeFileSync(this.#image, '')
    truncateSync(this.#image, IMAGE_BYTES)
    run(`mkfs.${kind}`, '-q', kind === 'xfs' ? '-f' : '-F', this.#image)
    run('mount', '-o', 'loop', this.#image, this.#mount)
  }

  /** Where it is mounted. */
  get folder(): string {
    return this.#mount
  }

  /** The power is gone: from here on every write fails. */
  cut(): void {
    run('python3', '-c', CUT, this.#mount)
  }

  /** The machine is started again; nobody may have a file open. */
  restart(): void {
    run('umount', this.#mount)
    run('mount', '-o', 'loop', this.#image, this.#mount)
  }

  /** Gives everything back. */
  dispose(): void {
    try {
      run('umount', this.#mount)
    } catch {
      // It was not mounted, because a restart failed.
    }
    rmSync(this.#image, { force: true })
  }
}
