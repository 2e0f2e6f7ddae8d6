/** What arrives at the moment: how much of it is here, how fast, and how long that still takes. */
import { Card, Group, Progress, Stack, Text } from '@mantine/core'
import type { Watched } from '../api/use-progress.ts'
import { bytes, number } from '../format/sizes.ts'
import { duration } from '../format/times.ts'
import { currentOf } from '../shell/current-of.ts'
import { Facts } from '../shell/facts.tsx'
import { useSpeech } from '../text/language.tsx'

export function ProgressCard({ watched: { moment, rate } }: { readonly watched: Watched }) {
  const { text, language } = useSpeech()
  const { phase, tags, manifests } = moment
  const phaseText = phase === 'waiting' ? text.progress.waiting(moment.ahead) : text.progress.phases[phase]
  const shareOf = ({ done, total }: { done: number; total: number | null }) => (total ? Math.min(1, done / total) : 0)
  // One large layer moves the bar too, and what is here already counts though it is not copied.
  const share = Math.max(shareOf(manifests), shareOf(moment.bytes)) * 100
  const part = ({ done, total }: { done: number; total: number | null }, show: (count: number) => string) =>
    total === null ? show(done) : `${show(done)} / ${show(total)}`
  const count = (value: number) => number(value, language)
  const size = (value: number) => bytes(value, language)
  const now = currentOf(moment, text, language)
  const left =
    rate === undefined || rate <= 0 || moment.bytes.total === null
      ? undefined
      : (moment.bytes.total - moment.bytes.done) / rate
  const facts = [
    [text.progress.tags, part(tags, count)],
    [text.progress.manifests, part(manifests, count)],
    [text.progress.bytes, part(moment.bytes, size)],
    [text.progress.rate, rate === undefined ? '–' : `${size(rate)}/s`],
    [text.progress.left, left === undefined ? '–' : duration(left, language)],
  ] as const
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Group justify="space-between">
          <Text fw={600}>{text.progress.title}</Text>
          <Text size="sm" aria-live="polite">
            {phaseText}
          </Text>
        </Group>
        <Stack gap={6}>
          <Progress value={share} aria-label={text.progress.title} />
          {/* It changes a few times a second: always one line, and read to nobody who does not go there. */}
          <Text size="xs" c="dimmed" h={20} lh="20px" truncate aria-live="off" title={now}>
            {now}
          </Text>
        </Stack>
        <Facts facts={facts} />
      </Stack>
    </Card>
  )
}
