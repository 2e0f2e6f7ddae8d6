/** How something is: colour only where it means something, and never without a sign and a word. */
import { Badge } from '@mantine/core'
import {
  AlertIcon,
  CheckIcon,
  DownloadIcon,
  type Icon,
  PauseIcon,
  SquareFillIcon,
  SyncIcon,
} from '@primer/octicons-react'
import type { MirrorState } from '../../api/mirrors.ts'
import { useSpeech } from '../text/language.tsx'

/** In step or done; working; held or wanting a look; broken; at rest. */
export type Tone = 'good' | 'working' | 'held' | 'broken' | 'quiet'

export const TONES: Readonly<Record<Tone, string>> = {
  good: 'teal',
  working: 'blue',
  held: 'orange',
  broken: 'red',
  quiet: 'gray',
}

export function Status(o: { readonly tone: Tone; readonly icon?: Icon; readonly children: string }) {
  const Sign = o.icon
  return (
    <Badge
      color={TONES[o.tone]}
      variant="light"
      tt="none"
      miw="max-content"
      leftSection={Sign === undefined ? null : <Sign size={12} aria-hidden="true" />}
    >
      {o.children}
    </Badge>
  )
}

export const MIRROR_STATES: Readonly<Record<MirrorState, readonly [tone: Tone, icon: Icon]>> = {
  initial: ['working', DownloadIcon],
  syncing: ['working', SyncIcon],
  active: ['good', CheckIcon],
  degraded: ['held', AlertIcon],
  paused: ['quiet', PauseIcon],
  stopped: ['quiet', SquareFillIcon],
}

export function State({ state }: { readonly state: MirrorState }) {
  const { text } = useSpeech()
  const [tone, icon] = MIRROR_STATES[state]
  return (
    <Status tone={tone} icon={icon}>
      {text.states[state]}
    </Status>
  )
}
