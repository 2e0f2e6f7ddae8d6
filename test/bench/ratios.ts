// Numbers of alternating rounds, said as ratios: the machine's load moves both sides of a round alike.

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

function ratiosOf(ours: readonly number[], theirs: readonly number[]): number[] {
  return ours.flatMap((value, round) => {
    const other = theirs[round]
    return other === undefined || other === 0 ? [] : [value / other]
  })
}

/** Round by round ours ÷ theirs: the median; undefined where one of both was not measured. */
export function medianRatio(ours: readonly number[], theirs: readonly number[]): number | undefined {
  const ratios = ratiosOf(ours, theirs)
  return ratios.length === 0 ? undefined : median(ratios)
}

/** Round by round ours ÷ theirs: the median, and lowest and highest where there was more than one round. */
export function ratioText(ours: readonly number[], theirs: readonly number[]): string {
  const ratios = ratiosOf(ours, theirs)
  if (ratios.length === 0) return '–'
  const middle = `${short(median(ratios))}×`
  return ratios.length === 1 ? middle : `${middle} (${short(Math.min(...ratios))}–${short(Math.max(...ratios))})`
}

/** Two or three digits that count. */
export function short(value: number): string {
  if (value === 0) return '0'
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(value >= 10 ? 3 : 2)
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n')
}
