/** How a mirror is, why, and what ends that: by a button where the page can, in words where it cannot. */
import { Button, Card, Group, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { ReactNode } from 'react'
import type { RepositoryRight } from '../../api/access.ts'
import type { Mirror } from '../../api/mirrors.ts'
import type { RepositoryDetail } from '../../api/repositories.ts'
import { useChange } from '../api/client.ts'
import { actOnMirror } from '../api/mirrors.ts'
import { number } from '../format/sizes.ts'
import { spelled } from '../format/times.ts'
import { Facts } from '../shell/facts.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Failure, Time } from '../shell/parts.tsx'
import { State, Status } from '../shell/status.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { Reason } from './reason.tsx'
import { RestartDialog } from './restart-dialog.tsx'
import { StopDialog } from './stop-dialog.tsx'

interface Props {
  /** Undefined: one may not see it. */
  readonly repository: RepositoryDetail | undefined
  readonly mirror: Mirror
  readonly allowed: ReadonlySet<RepositoryRight>
}

export function MirrorState(o: Props) {
  const { text } = useSpeech()
  const { mirror } = o
  return (
    <Card withBorder component="section" aria-label={text.mirrors.stateTitle}>
      <Stack>
        <Group justify="space-between">
          <Group gap="sm">
            <State state={mirror.state} />
            <Text size="sm" c="dimmed">
              <Time at={mirror.since} />
            </Text>
            {mirror.freshness.missedSince === null ? null : <Status tone="held">{text.mirrors.objectiveMissed}</Status>}
          </Group>
          <Actions {...o} />
        </Group>
        <Reason {...o} />
        <MirrorFacts mirror={mirror} />
        {o.allowed.size > 0 && !o.allowed.has('mirror.stop') ? (
          <MayNot>
            {o.allowed.has('mirror.sync')
              ? text.mirrors.mayOnlySync(mirror.organization)
              : text.mirrors.mayNot(mirror.organization)}
          </MayNot>
        ) : null}
      </Stack>
    </Card>
  )
}

function Actions({ mirror, allowed }: Props) {
  const { text } = useSpeech()
  const tell = useTell()
  const act = useChange(
    ({ verb }: { readonly verb: 'sync' | 'pause' | 'resume' }) =>
      actOnMirror(mirror.repository, verb, verb === 'sync' ? {} : undefined),
    () => {},
  )
  const [isStopping, stopping] = useDisclosure()
  const [isRestarting, restarting] = useDisclosure()
  const isStopped = mirror.state === 'stopped'
  const isByHand = mirror.pauses.some(({ cause }) => cause === 'hand')
  const button = (label: string, verb: 'sync' | 'pause' | 'resume', said: string) => (
    <Button
      variant="default"
      loading={act.isPending && act.variables.verb === verb}
      onClick={() => act.mutate({ verb }, { onSuccess: () => tell(said) })}
    >
      {label}
    </Button>
  )
  return (
    <Stack gap="xs" align="flex-end">
      <Group gap="xs">
        {!isStopped && mirror.pauses.length === 0 && allowed.has('mirror.sync')
          ? button(text.mirrors.syncNow, 'sync', text.mirrors.syncing)
          : null}
        {isStopped || mirror.pauses.length > 0 || !allowed.has('mirror.stop')
          ? null
          : button(text.mirrors.pause, 'pause', text.mirrors.paused)}
        {isByHand && allowed.has('mirror.start') ? button(text.mirrors.resume, 'resume', text.mirrors.resumed) : null}
        {allowed.has('mirror.start') ? (
          <Button variant={isStopped ? 'filled' : 'default'} onClick={restarting.open}>
            {isStopped ? text.mirrors.restart : text.mirrors.another}
          </Button>
        ) : null}
        {!isStopped && allowed.has('mirror.stop') ? (
          <Button variant="default" c="red" onClick={stopping.open}>
            {text.mirrors.stop}
          </Button>
        ) : null}
      </Group>
      {act.isError ? <Failure error={act.error} /> : null}
      {isStopping ? (
        <StopDialog name={mirror.repository} mayDelete={allowed.has('admin')} onClose={stopping.close} />
      ) : null}
      {isRestarting ? <RestartDialog mirror={mirror} onClose={restarting.close} /> : null}
    </Stack>
  )
}

function MirrorFacts({ mirror }: { readonly mirror: Mirror }) {
  const { text, language } = useSpeech()
  const { tags, freshness, schedule } = mirror
  const count = (value: number) => number(value, language)
  const others = (['failed', 'held', 'diverged', 'excluded', 'pinned', 'retained', 'unselected'] as const).filter(
    (one) => tags[one] > 0,
  )
  const facts: readonly (readonly [string, ReactNode])[] = [
    [text.mirrors.columns.source, `${mirror.source.upstream}/${mirror.source.repository}`],
    [text.mirrors.columns.tags, `${count(tags.published)} / ${count(tags.total)}`],
    [
      text.mirrors.columns.freshness,
      freshness.checkedAt === null ? text.common.never : <Time key="checked" at={freshness.checkedAt} />,
    ],
    [text.mirrors.nextRun, mirror.nextRunAt === null ? '–' : <Time key="next" at={mirror.nextRunAt} />],
    [
      text.mirrors.every,
      'every' in schedule ? text.mirrors.schedule(spelled(schedule.every, language)) : schedule.cron,
    ],
  ]
  return (
    <>
      <Facts facts={facts} />
      {others.length === 0 ? null : (
        <Group gap="xs">
          {others.map((one) => (
            <Status key={one} tone={one === 'failed' || one === 'held' ? 'held' : 'quiet'}>
              {`${text.mirrors.tagStates[one]}: ${count(tags[one])}`}
            </Status>
          ))}
        </Group>
      )}
    </>
  )
}
