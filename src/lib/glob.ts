/** Globs over whole texts: `*` any characters (also `/`), `?` one, `[a-z]` one of these, `[!a-z]` one of the others. */

type Token = '*' | ((char: string) => boolean)

/**
 * The glob as a test of texts. Its work is bounded by the product of both lengths, whatever the glob is: after a mismatch only
 * the last star gives way.
 */
export function compileGlob(glob: string): (text: string) => boolean {
  const tokens = tokensOf(glob)
  return (text) => {
    let [at, token] = [0, 0]
    let star: { readonly token: number; at: number } | undefined
    while (at < text.length) {
      const wanted = tokens[token]
      if (wanted === '*') {
        star = { token, at }
        token++
      } else if (wanted?.(text.charAt(at)) === true) {
        at++
        token++
      } else if (star !== undefined) {
        token = star.token + 1
        at = ++star.at
      } else return false
    }
    return tokens.slice(token).every((left) => left === '*')
  }
}

function tokensOf(glob: string): Token[] {
  const tokens: Token[] = []
  // A bracket without its end stands for itself.
  for (const [text, set] of glob.matchAll(/\[(!?[^\]]+)\]|[\s\S]/g)) {
    if (set !== undefined) tokens.push(classOf(set))
    else if (text === '*') {
      if (tokens.at(-1) !== '*') tokens.push('*')
    } else if (text === '?') tokens.push(() => true)
    else tokens.push((char) => char === text)
  }
  return tokens
}

function classOf(set: string): (char: string) => boolean {
  const isNegated = set.startsWith('!') && set.length > 1
  const ranges = [...set.slice(isNegated ? 1 : 0).matchAll(/([\s\S])-([\s\S])|[\s\S]/g)].map(([one, from, to]) => ({
    from: from ?? one,
    to: to ?? one,
  }))
  return (char) => ranges.some(({ from, to }) => char >= from && char <= to) !== isNegated
}
