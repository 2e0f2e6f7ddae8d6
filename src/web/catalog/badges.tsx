/** What an entry is, in a word and a sign each. */
import { CheckIcon, ClockIcon, PackageIcon, ShieldCheckIcon, StackIcon } from '@primer/octicons-react'
import type { CatalogEntry, Compliance, Support } from '../../api/catalog.ts'
import { keptByLanguage } from '../format/kept-by-language.ts'
import { Status, type Tone } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'

export function ComplianceBadges({ compliance }: { readonly compliance: readonly Compliance[] }) {
  return compliance.map((one) => (
    <Status key={one} tone="quiet" icon={ShieldCheckIcon}>
      {one.toUpperCase()}
    </Status>
  ))
}

export function KindBadge({ kind }: { readonly kind: CatalogEntry['kind'] }) {
  const { text } = useSpeech()
  if (kind === null) return null
  return (
    <Status tone="quiet" icon={kind === 'chart' ? StackIcon : PackageIcon}>
      {text.catalog.kinds[kind]}
    </Status>
  )
}

const SUPPORT_TONES: Readonly<Record<Support, Tone>> = { active: 'good', extended: 'held', ended: 'broken' }

/** @param until the last day of it */
export function SupportBadge({ support, until }: { readonly support: Support | null; readonly until: string | null }) {
  const { text, language } = useSpeech()
  if (support === null || until === null) return null
  return (
    <Status tone={SUPPORT_TONES[support]} icon={support === 'active' ? CheckIcon : ClockIcon}>
      {text.catalog.supported[support](monthOf(until, language))}
    </Status>
  )
}

export function MirroredBadge({ count }: { readonly count: number }) {
  const { text } = useSpeech()
  if (count === 0) return null
  return (
    <Status tone="good" icon={CheckIcon}>
      {text.catalog.mirrors(count)}
    </Status>
  )
}

const monthFormat = keptByLanguage(
  (language) => new Intl.DateTimeFormat(language, { year: 'numeric', month: 'short', timeZone: 'UTC' }),
)

function monthOf(day: string, language: string): string {
  return monthFormat(language).format(new Date(day))
}

const dayFormat = keptByLanguage(
  (language) => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' }),
)

/** A day as it was written: days have no zone. */
export function dayText(day: string, language: string): string {
  return dayFormat(language).format(new Date(day))
}
