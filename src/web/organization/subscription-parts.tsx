/** How a subscription, and an entry of its catalog, is shown wherever it stands. */
import {
  AlertIcon,
  CheckIcon,
  CircleSlashIcon,
  ClockIcon,
  DownloadIcon,
  type Icon,
  PauseIcon,
  SquareFillIcon,
  XIcon,
} from '@primer/octicons-react'
import type { Subscription, SubscriptionEntryState } from '../../api/subscriptions.ts'
import { Status, type Tone } from '../shell/status.tsx'
import type { Text as Words } from '../text/en/index.ts'
import { useSpeech } from '../text/language.tsx'

/** Which part of the catalog it takes, in a line. */
export function takes({ match, except, repositories }: Subscription, text: Words): string {
  const taken =
    repositories !== null
      ? text.subscriptions.list(repositories.length)
      : match.length === 0
        ? text.subscriptions.everything
        : match.join(', ')
  return except.length === 0 ? taken : `${taken} ${text.subscriptions.except(except.join(', '))}`
}

const STATES = {
  active: ['good', CheckIcon],
  degraded: ['held', AlertIcon],
  paused: ['quiet', PauseIcon],
  stopped: ['quiet', SquareFillIcon],
} as const

export function SubscriptionState({ state }: Pick<Subscription, 'state'>) {
  const { text } = useSpeech()
  const [tone, icon] = STATES[state]
  return (
    <Status tone={tone} icon={icon}>
      {text.subscriptions.states[state]}
    </Status>
  )
}

const ENTRY_STATES: Readonly<Record<SubscriptionEntryState, readonly [tone: Tone, icon: Icon]>> = {
  waiting: ['working', ClockIcon],
  initial: ['working', DownloadIcon],
  active: ['good', CheckIcon],
  degraded: ['held', AlertIcon],
  paused: ['quiet', PauseIcon],
  stopped: ['quiet', SquareFillIcon],
  removed: ['quiet', CircleSlashIcon],
  failed: ['broken', XIcon],
  unmatched: ['quiet', CircleSlashIcon],
}

export function EntryState({ state }: { readonly state: SubscriptionEntryState }) {
  const { text } = useSpeech()
  const [tone, icon] = ENTRY_STATES[state]
  return (
    <Status tone={tone} icon={icon}>
      {text.subscriptions.entryStates[state]}
    </Status>
  )
}
