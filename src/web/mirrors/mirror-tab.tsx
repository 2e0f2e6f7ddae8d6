/** The mirror that feeds a repository: how it is, why, and what ends that; what arrives at the moment; its end. */
import { Alert, Button, Card, Code, Group, List, Modal, SimpleGrid, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import type { ReactNode } from 'react'
import type { Mirror } from '../../api/mirrors.ts'
import { repositoryPath, useChange } from '../api/queries.ts'
import { request } from '../api/request.ts'
import type { Watched } from '../api/use-progress.ts'
import { Empty, Failure, Rows, State, Time } from '../shell/parts.tsx'
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
  const sync = useChange(() => request('POST', `/mirrors/${repositoryPath(name)}/sync`, { body: {} }))
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
                <Button
                  variant="default"
                  loading={sync.isPending}
                  onClick={() =>
                    sync.mutate(undefined, {
                      onSuccess: () =>
                        notifications.show({
                          closeButtonProps: { 'aria-label': text.common.close },
                          message: text.mirrors.syncing,
                        }),
                    })
                  }
                >
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
          <SimpleGrid cols={{ base: 2, sm: 3, lg: 5 }}>
            {facts.map(([label, value]) => (
              <div key={label}>
                <Text size="xs" c="dimmed">
                  {label}
                </Text>
                <Text size="sm">{value}</Text>
              </div>
            ))}
          </SimpleGrid>
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
    <Card withBorder>
      <Text fw={600} mb="xs">
        {text.mirrors.failures}
      </Text>
      <List size="sm">
        {failures.map((one) => (
          <List.Item key={`${one.tag} ${one.digest} ${one.code}`}>
            {one.tag === null ? '' : `${one.tag}: `}
            {one.message}
          </List.Item>
        ))}
      </List>
    </Card>
  )
}

function LeftOut({ mirror }: { readonly mirror: Mirror }) {
  const { text } = useSpeech()
  if (mirror.leftOut.length === 0) return null
  return (
    <Card withBorder>
      <Text fw={600} mb="xs">
        {text.mirrors.leftOut}
      </Text>
      <List size="sm">
        {mirror.leftOut.map((one) => (
          <List.Item key={one.tag}>{`${one.tag}: ${one.reason}`}</List.Item>
        ))}
      </List>
    </Card>
  )
}

function StopDialog({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const stop = useChange(() => request('POST', `/mirrors/${repositoryPath(name)}/stop`, { body: {} }))
  const submit = () =>
    stop.mutate(undefined, {
      onSuccess: () => {
        notifications.show({ closeButtonProps: { 'aria-label': text.common.close }, message: text.mirrors.stopped })
        onClose()
      },
    })
  return (
    <Modal
      closeButtonProps={{ 'aria-label': text.common.close }}
      opened
      onClose={onClose}
      title={text.mirrors.stopTitle(name)}
    >
      <Stack>
        <Text>{text.mirrors.stopLead}</Text>
        {stop.isError ? <Failure error={stop.error} /> : null}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {text.common.cancel}
          </Button>
          <Button color="red" onClick={submit} loading={stop.isPending}>
            {text.mirrors.stop}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}
