/** Which tags are shown by what is attached to them: those that have it, or those that lack it. */
import { Select } from '@mantine/core'
import type { Tag } from '../../api/tags.ts'
import { useSpeech } from '../text/language.tsx'

type Kind = Tag['attested'][number]

/** Whether a tag is shown. @param wanted as the address says it: `sbom`, or `-sbom` for those without; of no kind: all are */
export function isShown(wanted: string | undefined): (tag: Tag) => boolean {
  if (wanted === undefined) return () => true
  const isLack = wanted.startsWith('-')
  const kind = (isLack ? wanted.slice(1) : wanted) as Kind
  return ({ attested }) => attested.includes(kind) !== isLack
}

export function AttestedChoice(o: {
  readonly value: string | undefined
  readonly onChoose: (wanted: string | undefined) => void
}) {
  const { text } = useSpeech()
  const { kinds, have, lack, haveOne, lackOne, attestations } = text.tags
  const all = Object.entries(kinds)
  const items = (sign: string, label: (kind: string) => string) =>
    all.map(([kind, word]) => ({ value: `${sign}${kind}`, label: label(word) }))
  return (
    <Select
      aria-label={attestations}
      placeholder={attestations}
      data={[
        { group: lack, items: items('-', lackOne) },
        { group: have, items: items('', haveOne) },
      ]}
      value={o.value ?? null}
      onChange={(wanted) => o.onChoose(wanted ?? undefined)}
      clearable
      w={{ base: '100%', xs: 220 }}
    />
  )
}
