/** How grave a vulnerability is, and what VEX says of it: a colour, and always a sign and a word. */
import {
  AlertFillIcon,
  AlertIcon,
  CheckIcon,
  DotFillIcon,
  EyeIcon,
  type Icon,
  QuestionIcon,
} from '@primer/octicons-react'
import type { ImageVulnerability } from '../../api/images.ts'
import { Status, type Tone } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'

export type Severity = ImageVulnerability['severity']

const SEVERITIES: Readonly<Record<Severity, readonly [Tone, Icon]>> = {
  critical: ['broken', AlertFillIcon],
  high: ['broken', AlertIcon],
  medium: ['held', AlertIcon],
  low: ['quiet', DotFillIcon],
  negligible: ['quiet', DotFillIcon],
  unknown: ['quiet', QuestionIcon],
}

const STATUSES: Readonly<Record<ImageVulnerability['status'], readonly [Tone, Icon]>> = {
  open: ['held', DotFillIcon],
  affected: ['broken', AlertIcon],
  under_investigation: ['working', EyeIcon],
  not_affected: ['good', CheckIcon],
  fixed: ['good', CheckIcon],
}

export function SeverityBadge({ severity }: { readonly severity: Severity }) {
  const { text } = useSpeech()
  const [tone, icon] = SEVERITIES[severity]
  return (
    <Status tone={tone} icon={icon}>
      {text.images.severities[severity]}
    </Status>
  )
}

export function VexBadge({ status }: { readonly status: ImageVulnerability['status'] }) {
  const { text } = useSpeech()
  const [tone, icon] = STATUSES[status]
  return (
    <Status tone={tone} icon={icon}>
      {text.images.statuses[status]}
    </Status>
  )
}
