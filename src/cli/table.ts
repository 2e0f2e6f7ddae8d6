import { printableLine } from '../lib/printable.ts'

/** Rows under upper-case headings, columns two spaces apart, as docker prints them. No rows: `empty`. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[], empty: string): string {
  if (rows.length === 0) return empty
  const cells = rows.map((row) => row.map(printableLine))
  const all = [headings.map((heading) => heading.toUpperCase()), ...cells]
  const widths = headings.map((_, column) => Math.max(...all.map((line) => Bun.stringWidth(line[column] ?? ''))))
  return all
    .map((line) =>
      line
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - Bun.stringWidth(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** `name  value` lines, for one thing with many properties. Values of undefined are left out. */
export function properties(pairs: readonly (readonly [string, string | undefined])[]): string {
  // Names too: of claims and teams they are what somebody else has written.
  const shown = pairs.flatMap(([name, value]) => (value === undefined ? [] : [[name, value].map(printableLine)]))
  const width = Math.max(...shown.map(([name = '']) => Bun.stringWidth(name)))
  return shown.map(([name = '', value]) => `${name}${' '.repeat(width - Bun.stringWidth(name))}  ${value}`).join('\n')
}

/** One line each, whatever they hold: what came from elsewhere makes no line of its own. */
export function lines(items: readonly string[]): string {
  return items.map(printableLine).join('\n')
}

/** Texts that were made by the above, one below the other; empty ones are left out. */
export function blocks(texts: readonly string[]): string {
  return texts.filter((text) => text !== '').join('\n')
}
