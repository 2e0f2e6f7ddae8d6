/** One place that a repository is sent on to: how that is, why, and what can be done about it. */
import { Button, Card, Group, List, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { ReactNode } from 'react'
import type { RepositoryRight } from '../../api/access.ts'
import type { Replication } from '../../api/replications.ts'
import { useChange } from '../api/client.ts'
import { actOnReplication, startReplication } from '../api/replications.ts'
import { number } from '../format/sizes.ts'
import { Confirm } from '../shell/dialog.tsx'
import { Facts } from '../shell/facts.tsx'
import { Failure, Time } from '../shell/parts.tsx'
import { Said } from '../shell/said.tsx'
import { sayCode } from '../shell/say.ts'
import { State, Status } from '../shell/status.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

interface Props {
  readonly replication: Replication
  readonly allowed: ReadonlySet<RepositoryRight>
}

const SHOWN_FAILURES = 5

export function placeOf({ target }: Pick<Replication, 'target'>): string {
  return `${target.target}/${target.repository}`
}

export function ReplicationCard(o: Props) {
  const { text } = useSpeech()
  const { replication } = o
  return (
    <Card withBorder component="section" aria-label={placeOf(replication)}>
      <Stack gap="sm">
        <Group justify="space-between" align="flex-start">
          <Group gap="sm">
            <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
              {placeOf(replication)}
            </Text>
            <State state={replication.state} />
            <Text size="sm" c="dimmed">
              <Time at={replication.since} />
            </Text>
          </Group>
          <Actions {...o} />
        </Group>
        {replication.pauses.map(({ cause }) => (
          <Text key={cause} size="sm">
            {text.replications.causes[cause]}
          </Text>
        ))}
        {replication.pauses.length === 0 && replication.reason !== null ? (
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {replication.reason}
          </Text>
        ) : null}
        <ReplicationFacts replication={replication} />
        <Failures replication={replication} />
      </Stack>
    </Card>
  )
}

function Actions({ replication, allowed }: Props) {
  const { text } = useSpeech()
  const tell = useTell()
  const [isStopping, stopping] = useDisclosure()
  const act = useChange(
    ({ verb }: { readonly verb: 'sync' | 'pause' | 'resume' }) => actOnReplication(replication, verb),
    () => {},
  )
  const again = useChange(
    () => startReplication(replication.repository, replication.target),
    () => tell(text.replications.started),
  )
  const stop = useChange(
    () => actOnReplication(replication, 'stop'),
    () => tell(text.replications.stopped),
  )
  const isStopped = replication.state === 'stopped'
  const isByHand = replication.pauses.some(({ cause }) => cause === 'hand')
  const button = (label: string, verb: 'sync' | 'pause' | 'resume', said: string) => (
    <Button
      variant="default"
      size="compact-md"
      loading={act.isPending && act.variables.verb === verb}
      onClick={() => act.mutate({ verb }, { onSuccess: () => tell(said) })}
    >
      {label}
    </Button>
  )
  return (
    <Stack gap="xs" align="flex-end">
      <Group gap="xs">
        {!isStopped && !isByHand && allowed.has('replication.sync')
          ? button(text.replications.sync, 'sync', text.replications.syncing)
          : null}
        {!isStopped && !isByHand && allowed.has('replication.stop')
          ? button(text.replications.pause, 'pause', text.replications.paused)
          : null}
        {isByHand && allowed.has('replication.start')
          ? button(text.replications.resume, 'resume', text.replications.resumed)
          : null}
        {isStopped && allowed.has('replication.start') ? (
          <Button variant="default" size="compact-md" loading={again.isPending} onClick={() => again.mutate(undefined)}>
            {text.replications.again}
          </Button>
        ) : null}
        {!isStopped && allowed.has('replication.stop') ? (
          <Button variant="default" size="compact-md" c="red" onClick={stopping.open}>
            {text.replications.stop}
          </Button>
        ) : null}
      </Group>
      {act.isError ? <Failure error={act.error} /> : null}
      {again.isError ? <Failure error={again.error} /> : null}
      {isStopping ? (
        <Confirm
          title={text.replications.stopTitle(placeOf(replication))}
          action={text.replications.stop}
          change={stop}
          onClose={stopping.close}
        >
          {text.replications.stopLead}
        </Confirm>
      ) : null}
    </Stack>
  )
}

function ReplicationFacts({ replication }: { readonly replication: Replication }) {
  const { text, language } = useSpeech()
  const { tags, drift, lastRun, nextRunAt } = replication
  const count = (value: number) => number(value, language)
  const others = (['failed', 'waiting', 'diverged', 'immutable', 'absent', 'unselected'] as const).filter(
    (one) => tags[one] > 0,
  )
  const facts: readonly (readonly [string, ReactNode])[] = [
    [text.replications.tags, `${count(tags.published)} / ${count(tags.total)}`],
    [
      text.replications.lastSuccess,
      lastRun?.outcome === 'done' && lastRun.endedAt !== null ? <Time key="last" at={lastRun.endedAt} /> : '–',
    ],
    [text.replications.next, nextRunAt === null ? '–' : <Time key="next" at={nextRunAt} />],
  ]
  return (
    <>
      <Facts facts={facts} />
      {others.length === 0 && drift.drifted === 0 ? null : (
        <Group gap="xs">
          {others.map((one) => (
            <Status key={one} tone={one === 'failed' || one === 'diverged' ? 'held' : 'quiet'}>
              {`${text.replications.tagStates[one]}: ${count(tags[one])}`}
            </Status>
          ))}
          {drift.drifted === 0 ? null : <Status tone="held">{text.replications.drifted(count(drift.drifted))}</Status>}
        </Group>
      )}
    </>
  )
}

function Failures({ replication }: { readonly replication: Replication }) {
  const { text, said } = useSpeech()
  const failures = replication.lastRun?.failures ?? []
  if (failures.length === 0) return null
  return (
    <div>
      <Text size="sm" fw={600}>
        {text.replications.failures}
      </Text>
      <List size="sm" style={{ overflowWrap: 'anywhere' }}>
        {failures.slice(0, SHOWN_FAILURES).map((one) => (
          <List.Item key={`${one.tag} ${one.digest} ${one.code}`}>
            {one.tag === null ? '' : `${one.tag}: `}
            <Said words={sayCode(one.code, said)} message={one.message} />
          </List.Item>
        ))}
      </List>
    </div>
  )
}
