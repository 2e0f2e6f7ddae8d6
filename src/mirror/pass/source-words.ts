/** A pass speaks of mirrors: what it says of `upstream` is meant of whatever it reads. @param source `the source` */
export function inWordsOf(source: string, message: string): string {
  return message.replace(/^upstream\b/, source).replace(/\bupstream('s)?\b/g, (_, of = '') => `${source}${of}`)
}
