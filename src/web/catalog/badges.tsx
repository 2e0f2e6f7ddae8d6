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

/** @param o.until the last day of it; `isShort`: what it is about stands beside it */
export function SupportBadge(o: {
  readonly support: Support | null
  readonly until: string | null
  readonly isShort?: boolean
}) {
  const { text, language } = useSpeech()
  const { support, until } = o
  if (support === null || until === null) return null
  const month = monthOf(until, language)
  return (
    <Status tone={SUPPORT_TONES[support]} icon={support === 'active' ? CheckIcon : ClockIcon}>
      {o.isShort === true ? text.catalog.supportedShort[support](month) : text.catalog.supported[support](month)}
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
