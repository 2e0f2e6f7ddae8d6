/** Files of hardened-image definitions, as a folder or an archive holds them, within limits. */

/** What is wanted of `image/…` and `chart/…`, by path from there; and what was left out, for people. */
export interface DefinitionFiles {
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly notes: readonly string[]
}

export interface FileCollector {
  /** The path that a file is kept under, when it is wanted and its size is allowed; what is too large is noted. */
  wants(path: string, sizeBytes: number): string | undefined
  /** Undefined: it was kept. Otherwise why nothing more is. */
  keep(path: string, bytes: Uint8Array): void
  note(text: string): void
  done(): DefinitionFiles
}

/** Of all that is kept; the public catalog has 43 MB in 4,600 files. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024
const MAX_KEPT_FILES = 40_000
const MAX_NOTES = 50
const NOTE_CHARACTERS = 300

const MAX_FILE_BYTES: Readonly<Record<string, number>> = {
  yaml: 128 * 1024,
  md: 128 * 1024,
  svg: 1024 * 1024,
}

/** Above `image/` or `chart/` archives have one folder at most, as those of code hosts do. */
const WANTED =
  /^(?:\.\/)?(?:(?!\.\.?\/)[^/]+\/)?((?:image\/([^/]+)\/(?:info\.yaml|overview\.md|guides\.md|logo\.svg|[^/]+\/[^/]+\.yaml)|chart\/([^/]+)\/(?:info\.yaml|overview\.md|guides\.md|logo\.svg|helm\/[^/]+\.yaml)))$/
const SAFE = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/

/** The path from `image/` or `chart/` on, for a file that definitions are made of; undefined for everything else, tricks included. */
export function wantedPath(path: string): string | undefined {
  const wanted = WANTED.exec(path)?.[1]
  return wanted?.split('/').every((part) => SAFE.test(part)) ? wanted : undefined
}

export function createFileCollector(): FileCollector {
  const files = new Map<string, Uint8Array>()
  const notes: string[] = []
  let bytes = 0
  const note = (text: string) => {
    if (notes.length < MAX_NOTES) notes.push(text.slice(0, NOTE_CHARACTERS))
    else if (notes.length === MAX_NOTES) notes.push('…')
  }
  return {
    note,
    wants(path, sizeBytes) {
      const wanted = wantedPath(path)
      if (wanted === undefined) return undefined
      const most = MAX_FILE_BYTES[wanted.slice(wanted.lastIndexOf('.') + 1)] ?? 0
      if (sizeBytes > most) {
        note(`${wanted} has ${sizeBytes} bytes, want at most ${most}: it was left out`)
        return undefined
      }
      if (files.size >= MAX_KEPT_FILES || bytes + sizeBytes > MAX_KEPT_BYTES) {
        note(`${wanted} was left out: there are more than ${MAX_KEPT_FILES} files or ${MAX_KEPT_BYTES} bytes`)
        return undefined
      }
      return wanted
    },
    keep(path, content) {
      const before = files.get(path)
      if (before !== undefined) note(`${path} is there twice: the last one counts`)
      bytes += content.byteLength - (before?.byteLength ?? 0)
      files.set(path, content)
    },
    done: () => ({ files, notes }),
  }
}
