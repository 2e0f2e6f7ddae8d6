/** What arrives at the moment: how much of it is here, how fast, and how long that still takes. */
import { Card, Group, Progress, Stack, Text } from '@mantine/core'
import type { Watched } from '../api/use-progress.ts'
import { bytes, number } from '../format/sizes.ts'
import { duration } from '../format/times.ts'
import { Facts } from '../shell/facts.tsx'
import { useSpeech } from '../text/language.tsx'

export function ProgressCard({ watched: { moment, rate } }: { readonly watched: Watched }) {
  const { text, language } = useSpeech()
  const { phase, tags, manifests } = moment
  const phaseText = phase === 'waiting' ? text.progress.waiting(moment.ahead) : text.progress.phases[phase]
  const share = manifests.total ? (manifests.done / manifests.total) * 100 : 0
  const part = ({ done, total }: { done: number; total: number | null }, show: (count: number) => string) =>
    total === null ? show(done) : `${show(done)} / ${show(total)}`
  const count = (value: number) => number(value, language)
  const size = (value: number) => bytes(value, language)
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
        <Progress value={share} aria-label={text.progress.title} />
        <Facts facts={facts} />
      </Stack>
    </Card>
  )
}
