/** Text for `like … escape '\'` in both engines: as it is, whatever signs it has. */
export function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, (sign) => `\\${sign}`)
}
