/** Tables in Markdown. */

/** What a description says, and the default that it tells in words where it depends on the caller: `…; default: …`. */
export function splitDefault(description: string): { readonly about: string; readonly fallback: string } {
  const [about = '', fallback = ''] = description.split('; default: ')
  return { about: cell(about), fallback: cell(fallback) }
}

export function tableOf(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(columns), `|${'---|'.repeat(columns.length)}`, ...rows.map(line)].join('\n')
}

export function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

export function code(text: string): string {
  return `\`${cell(text)}\``
}
