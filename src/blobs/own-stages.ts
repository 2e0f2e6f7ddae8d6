/**
 * Whose stage is whose, where several processes share one root: each has a directory of its own below `owners/`, locked by the system
 * for as long as the process exists. A lease would not do: whoever sleeps past it still has its files open, and writes when it wakes.
 */
import { readdirSync, statSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { randomHex } from '../lib/ids.ts'
import { piecesPath } from './fs-pieces.ts'
import { countBytes, parsePieces } from './piece-map.ts'

/** How directories are locked (`db/engine/directory-lock.ts`). */
export interface StageSharing {
  /** Held until it is released, or this process ends in whatever way; undefined when another has it. */
  lock(directory: string): { release(): void } | undefined
  isLocked(directory: string): boolean
}

export interface OwnStages {
  /** Where the stage of this id is to be opened: after what a process that has ended left of it was moved there. */
  directoryOf(id: string): Promise<string>
  measure(id: string): Promise<number>
  close(): void
}

/** @param o.shared the directory of stages that belong to nobody: those of uploads, and all where nothing is shared */
export async function openOwnStages(o: {
  readonly root: string
  readonly shared: string
  readonly sharing: StageSharing | undefined
}): Promise<OwnStages> {
  const { shared, sharing } = o
  const owners = join(o.root, 'owners')
  const isAlive = (directory: string) => sharing?.isLocked(directory) ?? false

  async function take(): Promise<{ readonly directory: string; release(): void }> {
    if (sharing === undefined) return { directory: shared, release: () => {} }
    const directory = join(owners, randomHex(8))
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const lock = sharing.lock(directory)
    if (lock === undefined) throw new Error(`${directory} is new and locked by another`)
    return { directory, release: () => lock.release() }
  }
  const mine = await take()

  /** Where else a stage of that id may be: asked at once, since each blob asks and the answer is at hand. */
  function others(): string[] {
    const names = listNames(owners)
    return [shared, ...names.map((name) => join(owners, name))].filter((directory) => directory !== mine.directory)
  }

  // What dead processes have left is looked for by name when it is wanted; directories that hold nothing any more go.
  for (const directory of others().slice(1)) {
    const names = await readdir(directory).catch(() => [])
    const isEmpty = names.every((name) => name === 'server.lock')
    // Not the ones that were made this moment, and are about to be locked.
    const age = Date.now() - ((await stat(directory).catch(() => undefined))?.mtimeMs ?? Date.now())
    if (isEmpty && age > 60_000 && !isAlive(directory)) await rm(directory, { recursive: true, force: true })
  }

  return {
    async directoryOf(id) {
      if (sizeOf(join(mine.directory, id)) !== undefined) return mine.directory
      for (const directory of others()) {
        if (sizeOf(join(directory, id)) === undefined) continue
        if (directory !== shared && isAlive(directory)) continue
        // Of two that take over at once, one gets it; the other begins anew.
        // Its map first: bytes without their map would claim more than is there, which only the digest finds out.
        await rename(piecesPath(join(directory, id)), piecesPath(join(mine.directory, id))).catch(() => {})
        const isTaken = await rename(join(directory, id), join(mine.directory, id)).then(
          () => true,
          () => false,
        )
        if (isTaken) break
      }
      return mine.directory
    },
    async measure(id) {
      let bytes = 0
      for (const directory of [mine.directory, ...others()]) bytes += await bytesOf(join(directory, id))
      return bytes
    },
    close: () => mine.release(),
  }
}

/** What is there of a stage, which may come in pieces. */
async function bytesOf(path: string): Promise<number> {
  const size = sizeOf(path) ?? 0
  const map = await readFile(piecesPath(path), 'utf8').catch(() => undefined)
  return map === undefined ? size : countBytes(parsePieces(map, size))
}

function sizeOf(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size
  } catch {
    return undefined
  }
}

function listNames(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
