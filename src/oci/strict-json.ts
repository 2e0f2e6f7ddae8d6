/**
 * What two JSON readers may understand differently is refused in what clients push: an object that names a key twice, in
 * any depth (CVE-2021-41190 is the family), a byte order mark, text that is not UTF-8, and nesting that overflows a recursive reader.
 */
import { AppError } from '../errors.ts'
import { MAX_JSON_DEPTH } from '../lib/json.ts'

export { MAX_JSON_DEPTH }

/**
 * Refuses ambiguous JSON. It looks at structure only, so what it passes still has to be parsed: syntax that only
 * `JSON.parse` would notice is left to it. Iterative: no input can overflow the stack.
 * @throws AppError MANIFEST_INVALID
 */
export function refuseAmbiguousJson(bytes: Uint8Array): void {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    throw new AppError('MANIFEST_INVALID', 'manifest starts with a byte order mark, want JSON in UTF-8 without one')
  }
  const text = decode(bytes)
  // One set of seen keys per open object, undefined per open array.
  const open: (Set<string> | undefined)[] = []
  let isKey = false
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: {
        const end = endOfString(text, i)
        if (isKey) seeKey(open.at(-1), text.slice(i, end))
        isKey = false
        i = end - 1
        break
      }
      case 0x7b: // {
        open.push(new Set())
        isKey = true
        refuseDepth(open.length)
        break
      case 0x5b: // [
        open.push(undefined)
        isKey = false
        refuseDepth(open.length)
        break
      case 0x7d: // }
      case 0x5d: // ]
        open.pop()
        isKey = false
        break
      case 0x2c: // ,
        isKey = open.at(-1) !== undefined
        break
    }
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw new AppError('MANIFEST_INVALID', 'manifest is not text in UTF-8', { cause: error })
  }
}

/** Index after the closing quote of the string that starts at `start`; the text's end when it is not closed. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x5c) i++
    else if (code === 0x22) return i + 1
  }
  return text.length
}

/** Keys are compared as their readers see them: `"a"` and `"\u0061"` are one key. */
function seeKey(seen: Set<string> | undefined, quoted: string): void {
  let key = quoted
  try {
    key = JSON.parse(quoted) as string
  } catch {
    // Not a string at all: the parser that comes next says so.
  }
  if (seen?.has(key)) {
    throw new AppError(
      'MANIFEST_INVALID',
      `manifest has the key ${JSON.stringify(key.slice(0, 80))} twice in one object, want each key once`,
    )
  }
  seen?.add(key)
}

function refuseDepth(depth: number): void {
  if (depth > MAX_JSON_DEPTH) {
    throw new AppError('MANIFEST_INVALID', `manifest nests deeper than ${MAX_JSON_DEPTH} levels`)
  }
}
