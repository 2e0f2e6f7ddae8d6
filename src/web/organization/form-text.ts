/** What stands in a form, as the API wants it. */

export function textOf(form: FormData, name: string): string {
  return String(form.get(name) ?? '').trim()
}

/** Undefined where nothing was given. */
export function givenText(form: FormData, name: string): string | undefined {
  return textOf(form, name) || undefined
}

/** One thing a line, or between spaces. */
export function wordsOf(form: FormData, name: string): string[] {
  return textOf(form, name).split(/\s+/).filter(Boolean)
}

/** One thing a line, spaces within it included. */
export function linesOf(form: FormData, name: string): string[] {
  return textOf(form, name)
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
}
