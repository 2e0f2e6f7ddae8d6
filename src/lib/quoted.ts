/**
 * Text of others for a message: in quotes, at most `length` characters of it. Where it was cut there is a `…`: a secret that the cut went
 * through is still known by that (`redact.ts`).
 */
export function quoted(text: string, length: number): string {
  return JSON.stringify(clipped(text, length))
}

/** At most `length` characters, and a `…` where it was cut. */
export function clipped(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text
}
