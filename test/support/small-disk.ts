// A disk of a few MiB, to be filled up; only root may mount one.
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from './process.ts'

export interface SmallDisk {
  /** An empty directory on the disk. */
  readonly path: string
  freeBytes(): number
  /** Leaves this much room, or none. */
  fill(freeBytes: number): void
  /** Makes the room again that `fill` took. */
  empty(): void
  remove(): void
}

/** Mounts a file system in memory; undefined, with a loud line, where that is not allowed. */
export function mountSmallDisk(sizeMib: number): SmallDisk | undefined {
  const directory = temporaryDirectory('small-disk')
  const path = join(directory.path, 'disk')
  mkdirSync(path)
  const mount = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'tmpfs', path])
  if (mount.exitCode !== 0) {
    console.warn('\n*** SKIPPED, NO MOUNT: the full disk is tried as root only\n')
    directory.remove()
    return undefined
  }
  const ballast = join(path, 'ballast')
  const freeBytes = () => {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  }
  return {
    path,
    freeBytes,
    fill: (wanted) => writeFileSync(ballast, new Uint8Array(Math.max(0, freeBytes() - wanted))),
    empty: () => rmSync(ballast),
    remove() {
      Bun.spawnSync(['umount', '-l', path])
      directory.remove()
    },
  }
}
