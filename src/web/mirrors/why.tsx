/** Why a mirror is as it is, in the page's own words: the server tells its state and its causes as codes, and its sentences are in English. */
import { Anchor, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { MirrorGlance } from '../../api/glance.ts'
import type { Mirror } from '../../api/mirrors.ts'
import { duration } from '../format/times.ts'
import type { Text as Words } from '../text/en/index.ts'
import { type Language, useSpeech } from '../text/language.tsx'

type Standing = Pick<MirrorGlance, 'state' | 'causes' | 'missedSince' | 'behindSeconds'>

/** @returns undefined: it is well, and there is nothing to say */
export function whyOf(one: Standing, text: Words, language: Language): string | undefined {
  const { why, ends } = text.mirrors
  if (one.state === 'stopped') return why.stopped
  const [cause] = one.causes
  if (cause !== undefined) return ends[cause]
  if (one.state === 'degraded') return why.degraded
  if (one.missedSince !== null)
    return one.behindSeconds > 0 ? why.late(duration(one.behindSeconds, language)) : why.notChecked
  return one.state === 'initial' ? why.initial : undefined
}

/** A whole mirror as far as `whyOf` looks at it. */
export function standingOf({ state, pauses, freshness }: Mirror): Standing {
  const { missedSince, behindSeconds } = freshness
  return { state, causes: pauses.map(({ cause }) => cause), missedSince, behindSeconds }
}

/** Upstream lists so much less than before that a run has stopped before it took anything away. */
export function isShrunk({ lastRun }: Mirror): boolean {
  return lastRun?.failures.some(({ tag, code }) => tag === null && code === 'UPSTREAM_SHRUNK') === true
}

/** What the server said, word for word, for who wants to know. */
export function ServerWords({ children }: { readonly children: string | readonly string[] }) {
  const { text } = useSpeech()
  const [isOpen, shown] = useDisclosure()
  return (
    <div>
      <Anchor
        component="button"
        type="button"
        size="xs"
        c="inherit"
        underline="always"
        aria-expanded={isOpen}
        onClick={shown.toggle}
      >
        {text.mirrors.details}
      </Anchor>
      {isOpen
        ? [children].flat().map((line) => (
            <Text key={line} size="xs" c="dimmed" lang="en" style={{ overflowWrap: 'anywhere' }}>
              {line}
            </Text>
          ))
        : null}
    </div>
  )
}
