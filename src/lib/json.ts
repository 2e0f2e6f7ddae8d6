/** JSON that others have written. Its nesting is bounded before anything recursive reads it. */

/** Real documents nest four to ten levels; beyond this, the stacks of readers (ours, and of those who get it from us) are at risk. */
export const MAX_JSON_DEPTH = 64

/** What is wrong with it, as the end of a sentence that begins with its name; undefined: nothing. Iterative, and looks at brackets alone. */
export function findTooDeep(text: string): string | undefined {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
        i = endOfString(text, i)
        break
      case 0x7b: // {
      case 0x5b: // [
        if (++depth > MAX_JSON_DEPTH) return `nests deeper than ${MAX_JSON_DEPTH} levels`
        break
      case 0x7d: // }
      case 0x5d: // ]
        depth--
        break
    }
  }
  return undefined
}

/** The value. @throws SyntaxError when it is not JSON, or nests deeper than MAX_JSON_DEPTH; its message holds none of the text */
export function parseForeignJson(text: string): unknown {
  const problem = findTooDeep(text)
  if (problem !== undefined) throw new SyntaxError(problem)
  try {
    return JSON.parse(text)
  } catch {
    throw new SyntaxError('is not JSON')
  }
}

/** Index of the closing quote; the text's length when there is none. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x5c) i++
    else if (code === 0x22) return i
  }
  return text.length
}
