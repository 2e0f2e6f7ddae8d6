/** The mirror that feeds a repository: how it is, why, and what ends that; what arrives at the moment; its end. */
import { Alert, Button, Card, Code, Group, List, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { ReactNode } from 'react'
import type { Mirror } from '../../api/mirrors.ts'
import { useChange } from '../api/client.ts'
import { repositoryPath } from '../api/paths.ts'
import { request } from '../api/request.ts'
import type { Watched } from '../api/use-progress.ts'
import { Confirm } from '../shell/dialog.tsx'
import { Facts } from '../shell/facts.tsx'
import { Empty, Failure, Rows, Time } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { State } from '../shell/status.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { ProgressCard } from './progress-card.tsx'

export function MirrorTab({
  name,
  mirror,
  watched,
}: {
  readonly name: string
  readonly mirror: Mirror | null | undefined
  readonly watched: Watched | undefined
}) {
  const { text } = useSpeech()
  const tell = useTell()
  const sync = useChange(
    () => request('POST', `/mirrors/${repositoryPath(name)}/sync`, { body: {} }),
    () => tell(text.mirrors.syncing),
  )
  const [isStopping, stopping] = useDisclosure()
  if (mirror === undefined) return <Rows count={4} />
  if (mirror === null) return <Empty>{text.mirrors.none}</Empty>
  const isStopped = mirror.state === 'stopped'
  const facts: readonly (readonly [string, ReactNode])[] = [
    [text.mirrors.columns.source, `${mirror.source.upstream}/${mirror.source.repository}`],
    [text.mirrors.columns.tags, `${mirror.tags.published} / ${mirror.tags.total}`],
    [
      text.mirrors.columns.freshness,
      mirror.freshness.checkedAt === null ? text.common.never : <Time key="checked" at={mirror.freshness.checkedAt} />,
    ],
    [
      text.mirrors.nextRun,
      <Group key="next" gap={6}>
        {mirror.nextRunAt === null ? '–' : <Time at={mirror.nextRunAt} />}
        <Text size="xs" c="dimmed">
          {'every' in mirror.schedule ? text.mirrors.schedule(mirror.schedule.every) : mirror.schedule.cron}
        </Text>
      </Group>,
    ],
    [text.mirrors.selection, selectionOf(mirror) ?? text.mirrors.everything],
  ]
  return (
    <Stack>
      {watched !== undefined && watched.moment.phase !== 'ended' ? <ProgressCard watched={watched} /> : null}
      <Outcome watched={watched} />
      <Card withBorder>
        <Stack>
          <Group justify="space-between">
            <Group gap="sm">
              <State state={mirror.state} />
              <Text size="sm" c="dimmed">
                <Time at={mirror.since} />
              </Text>
            </Group>
            {isStopped ? null : (
              <Group gap="xs">
                <Button variant="default" loading={sync.isPending} onClick={() => sync.mutate()}>
                  {text.mirrors.syncNow}
                </Button>
                <Button variant="default" color="red" onClick={stopping.open}>
                  {text.mirrors.stop}
                </Button>
              </Group>
            )}
          </Group>
          {mirror.reason === null ? null : (
            <Alert color={mirror.state === 'degraded' ? 'orange' : 'gray'} variant="light">
              <Text size="sm">{mirror.reason}</Text>
              {mirror.remedy === null ? null : (
                <Text size="sm" mt={4}>
                  {text.mirrors.remedy}: <Code>{mirror.remedy}</Code>
                </Text>
              )}
            </Alert>
          )}
          {sync.isError ? <Failure error={sync.error} /> : null}
          <Facts facts={facts} />
        </Stack>
      </Card>
      <Failures mirror={mirror} />
      <LeftOut mirror={mirror} />
      {isStopping ? <StopDialog name={name} onClose={stopping.close} /> : null}
    </Stack>
  )
}

function selectionOf({ selection }: Mirror): string | undefined {
  const parts = Object.values(selection).map((value) => (Array.isArray(value) ? value.join(' ') : String(value)))
  return parts.length === 0 ? undefined : parts.join('; ')
}

/** How the run ended that was watched. */
function Outcome({ watched }: { readonly watched: Watched | undefined }) {
  const { text } = useSpeech()
  const outcome = watched?.moment.phase === 'ended' ? watched.moment.outcome : undefined
  if (outcome === undefined || outcome === 'running') return null
  return (
    <Text size="sm" c="dimmed" role="status">
      {text.progress.outcome[outcome]}
    </Text>
  )
}

function Failures({ mirror }: { readonly mirror: Mirror }) {
  const { text } = useSpeech()
  const failures = mirror.lastRun?.failures ?? []
  if (failures.length === 0) return null
  return (
    <Section title={text.mirrors.failures}>
      <List size="sm">
        {failures.map((one) => (
          <List.Item key={`${one.tag} ${one.digest} ${one.code}`}>
            {one.tag === null ? '' : `${one.tag}: `}
            {one.message}
          </List.Item>
        ))}
      </List>
    </Section>
  )
}

function LeftOut({ mirror }: { readonly mirror: Mirror }) {
  const { text } = useSpeech()
  if (mirror.leftOut.length === 0) return null
  return (
    <Section title={text.mirrors.leftOut}>
      <List size="sm">
        {mirror.leftOut.map((one) => (
          <List.Item key={one.tag}>{`${one.tag}: ${one.reason}`}</List.Item>
        ))}
      </List>
    </Section>
  )
}

function StopDialog({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const tell = useTell()
  const stop = useChange(
    () => request('POST', `/mirrors/${repositoryPath(name)}/stop`, { body: {} }),
    () => tell(text.mirrors.stopped),
  )
  return (
    <Confirm title={text.mirrors.stopTitle(name)} action={text.mirrors.stop} change={stop} onClose={onClose}>
      {text.mirrors.stopLead}
    </Confirm>
  )
}
