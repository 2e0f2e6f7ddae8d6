/** Every mirror as a small square: a field of them shows at a glance where something is not as it should be. */
import { Group, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { MirrorGlance } from '../../api/glance.ts'
import { number } from '../format/sizes.ts'
import { relative } from '../format/times.ts'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { TONES } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'
import { byUrgency, groupOf, type Group as Kind, signOf, wordOf } from './standing.ts'

export function Cells(o: {
  readonly mirrors: readonly MirrorGlance[]
  /** So many, the most urgent ones; left out: all. */
  readonly most?: number
}) {
  const { text, language } = useSpeech()
  const now = Date.now()
  const rest = o.mirrors.length - (o.most ?? o.mirrors.length)
  return (
    <>
      <ul className="cells">
        {o.mirrors
          .toSorted(byUrgency)
          .slice(0, o.most)
          .map((one) => {
            const [tone, Sign] = signOf(one)
            const params = repositoryPlace(one.repository)
            const age = one.checkedAt === null ? text.home.board.never : relative(one.checkedAt, now, language)
            const label = `${params._splat}: ${wordOf(one, text)}, ${age}`
            return (
              <li key={one.repository}>
                <Link
                  to="/o/$organization/repository/$"
                  params={params}
                  search={{ tab: 'mirror' }}
                  preload={false}
                  className={`cell ${TONES[tone]}`}
                  aria-label={label}
                  title={label}
                >
                  <Sign size={12} />
                </Link>
              </li>
            )
          })}
      </ul>
      {rest > 0 ? (
        <Text size="sm" c="dimmed">
          {text.home.more(number(rest, language))}
        </Text>
      ) : null}
    </>
  )
}

const KINDS: readonly (readonly [Kind, Pick<MirrorGlance, 'state' | 'missedSince'>])[] = [
  ['wrong', { state: 'degraded', missedSince: null }],
  ['resting', { state: 'paused', missedSince: null }],
  ['working', { state: 'syncing', missedSince: null }],
  ['inStep', { state: 'active', missedSince: null }],
]

/** What the signs mean, and how many there are of each. */
export function Legend({ mirrors }: { readonly mirrors: readonly MirrorGlance[] }) {
  const { text, language } = useSpeech()
  return (
    <Group gap="md">
      {KINDS.map(([kind, example]) => {
        const [tone, Sign] = signOf(example)
        const count = mirrors.filter((one) => groupOf(one) === kind).length
        return (
          <Group key={kind} gap={6} wrap="nowrap">
            <span className={`cell ${TONES[tone]}`}>
              <Sign size={12} aria-hidden="true" />
            </span>
            <Text size="sm">
              {number(count, language)} {text.home[kind]}
            </Text>
          </Group>
        )
      })}
    </Group>
  )
}
