import type { Progress } from '../../api/progress.ts'
import { bytes, shortDigest } from '../format/sizes.ts'
import type { Text } from '../text/en/index.ts'
import type { Language } from '../text/language.tsx'

/** What a run does at this moment, in a few words; empty: nothing that is told. */
export function currentOf({ current }: Progress, text: Pick<Text, 'progress'>, language: Language): string {
  if (current === null) return ''
  const name = current.tag ?? (current.digest === null ? '' : shortDigest(current.digest))
  return text.progress.current[current.doing](name, bytes(current.sizeBytes ?? 0, language))
}
