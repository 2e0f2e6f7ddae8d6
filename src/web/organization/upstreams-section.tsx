/** The upstreams of an organization with the shared ones; or, for operators, the shared ones alone. */
import { Badge, Button, Group, Stack, Table, Text, Tooltip, UnstyledButton } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { AlertIcon, CheckIcon, CircleIcon, KeyIcon } from '@primer/octicons-react'
import type { Mirror } from '../../api/mirrors.ts'
import type { Upstream } from '../../api/upstreams.ts'
import { useMirrors } from '../api/mirrors.ts'
import { useSharedUpstreams, useUpstreams } from '../api/upstreams.ts'
import { number } from '../format/sizes.ts'
import { LongTable } from '../shell/long-table.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Failure, Rows } from '../shell/parts.tsx'
import { Status } from '../shell/status.tsx'
import { Teach } from '../shell/teach.tsx'
import { useSpeech } from '../text/language.tsx'
import { Login } from './login.tsx'
import { UpstreamDialog } from './upstream-dialog.tsx'
import { UpstreamView } from './upstream-view.tsx'

interface Looked {
  /** Manages those that are its own: of the organization, or the shared ones. */
  readonly mayManage: boolean
  /** The one that is looked at. */
  readonly of: string | undefined
  readonly lookAt: (name: string | undefined) => Promise<void>
}

export function UpstreamsSection({ organization, ...looked }: Looked & { readonly organization: string }) {
  const upstreams = useUpstreams(organization)
  const mirrors = useMirrors(organization)
  return <Upstreams owner={organization} upstreams={upstreams} mirrors={mirrors.data?.items} {...looked} />
}

export function SharedUpstreamsSection(looked: Looked) {
  const upstreams = useSharedUpstreams()
  return <Upstreams owner={null} upstreams={upstreams} mirrors={undefined} {...looked} />
}

function Upstreams(
  o: Looked & {
    /** Whose they are that may be managed here; null: shared ones. */
    readonly owner: string | null
    readonly upstreams: ReturnType<typeof useUpstreams>
    /** Undefined: not known, or not told. */
    readonly mirrors: readonly Mirror[] | undefined
  },
) {
  const { text } = useSpeech()
  const [isOpen, dialog] = useDisclosure()
  const { upstreams, mirrors, owner, mayManage } = o
  if (upstreams.isError) return <Failure error={upstreams.error} retry={() => void upstreams.refetch()} />
  if (upstreams.data === undefined) return <Rows count={3} />
  const readers = (name: string) => mirrors?.filter(({ source }) => source.upstream === name)
  const shown = upstreams.data.find(({ name }) => name === o.of)
  if (shown !== undefined) {
    return (
      <UpstreamView
        key={shown.name}
        upstream={shown}
        others={upstreams.data.map(({ name }) => name).filter((name) => name !== shown.name)}
        mayManage={mayManage && shown.organization === owner}
        mirrors={readers(shown.name)}
        onBack={() => o.lookAt(undefined)}
      />
    )
  }
  if (o.of !== undefined) {
    return (
      <Stack align="flex-start">
        <Text>{text.upstreams.absent(o.of)}</Text>
        <Button variant="default" onClick={() => o.lookAt(undefined)}>
          {text.upstreams.back}
        </Button>
      </Stack>
    )
  }
  const { columns } = text.upstreams
  return (
    <Stack>
      <Group justify="space-between" align="flex-start">
        <Text c="dimmed" size="sm">
          {owner === null ? text.upstreams.leadShared : text.upstreams.lead}
        </Text>
        {mayManage ? <Button onClick={dialog.open}>{text.upstreams.add}</Button> : null}
      </Group>
      {mayManage ? null : <MayNot>{text.upstreams.mayNot}</MayNot>}
      {upstreams.data.length === 0 ? (
        <Teach command={`kagami upstream add NAME https://HOST ${owner === null ? '--shared' : `--org ${owner}`}`}>
          {text.upstreams.empty}
        </Teach>
      ) : (
        <LongTable
          items={upstreams.data}
          keyOf={({ name, organization }) => `${organization ?? ''}/${name}`}
          head={
            <>
              <Table.Th>{columns.name}</Table.Th>
              <Table.Th>{columns.address}</Table.Th>
              <Table.Th>{columns.login}</Table.Th>
              {owner === null ? null : (
                <>
                  <Table.Th>{columns.health}</Table.Th>
                  <Table.Th ta="right">{columns.mirrors}</Table.Th>
                </>
              )}
            </>
          }
          row={(upstream) => (
            <UpstreamCells
              upstream={upstream}
              isOwn={upstream.organization === owner}
              hasMirrors={owner !== null}
              mirrors={readers(upstream.name)}
              onLook={() => void o.lookAt(upstream.name)}
            />
          )}
        />
      )}
      {isOpen ? (
        <UpstreamDialog
          owner={owner}
          others={upstreams.data.map(({ name }) => name)}
          onClose={dialog.close}
          onDone={(name) => void o.lookAt(name)}
        />
      ) : null}
    </Stack>
  )
}

function UpstreamCells(o: {
  readonly upstream: Upstream
  readonly isOwn: boolean
  readonly hasMirrors: boolean
  readonly mirrors: readonly Mirror[] | undefined
  readonly onLook: () => void
}) {
  const { text, language } = useSpeech()
  const { name, url, username } = o.upstream
  return (
    <>
      <Table.Td>
        <Group gap={6} wrap="nowrap">
          <UnstyledButton className="name" fz="sm" onClick={o.onLook}>
            {name}
          </UnstyledButton>
          {o.isOwn ? null : (
            <Tooltip label={text.upstreams.sharedHelp}>
              <Badge color="gray" variant="light" tt="none">
                {text.upstreams.shared}
              </Badge>
            </Tooltip>
          )}
        </Group>
      </Table.Td>
      <Table.Td>
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {url}
        </Text>
      </Table.Td>
      <Table.Td>
        <Group gap={6} wrap="nowrap">
          {username === null ? null : <KeyIcon size={14} aria-hidden="true" />}
          <Text size="sm" {...(username === null ? { c: 'dimmed' } : {})}>
            <Login upstream={o.upstream} isOwn={o.isOwn} />
          </Text>
        </Group>
      </Table.Td>
      {o.hasMirrors ? (
        <>
          <Table.Td>
            <Health mirrors={o.mirrors} />
          </Table.Td>
          <Table.Td ta="right">{o.mirrors === undefined ? null : number(o.mirrors.length, language)}</Table.Td>
        </>
      ) : null}
    </>
  )
}

/** As the mirrors that read from it have it. */
function Health({ mirrors }: { readonly mirrors: readonly Mirror[] | undefined }) {
  const { text } = useSpeech()
  if (mirrors === undefined) return null
  const { health } = text.upstreams
  const isHeld = mirrors.some(
    ({ state, pauses }) =>
      state === 'degraded' || pauses.some(({ cause }) => cause === 'credentials' || cause === 'gone'),
  )
  if (isHeld) {
    return (
      <Status tone="held" icon={AlertIcon}>
        {health.held}
      </Status>
    )
  }
  return mirrors.length === 0 ? (
    <Status tone="quiet" icon={CircleIcon}>
      {health.unused}
    </Status>
  ) : (
    <Status tone="good" icon={CheckIcon}>
      {health.good}
    </Status>
  )
}
