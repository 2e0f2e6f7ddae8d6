/** Where one is signed in, and how to end that. */
import { Box, Button, Group, Table, Text, Tooltip } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { DeviceDesktopIcon, PackageIcon } from '@primer/octicons-react'
import type { Session } from '../../api/sessions.ts'
import { useChange } from '../api/client.ts'
import { request } from '../api/request.ts'
import { useSessions } from '../api/sessions.ts'
import { Confirm } from '../shell/dialog.tsx'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { Status } from '../shell/status.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { deviceOf } from './device-name.ts'

export function SessionsSection() {
  const { text } = useSpeech()
  const tell = useTell()
  const sessions = useSessions()
  const [isEnding, ending] = useDisclosure()
  const endOthers = useChange(
    (_: undefined) => request<{ ended: number }>('DELETE', '/user/sessions'),
    ({ ended }) => tell(text.profile.sessions.endedOthers(ended)),
  )
  const { columns } = text.profile.sessions
  const hasOthers = (sessions.data ?? []).some(({ current }) => !current)
  const action = hasOthers ? (
    <Button variant="default" onClick={ending.open}>
      {text.profile.sessions.endOthers}
    </Button>
  ) : null
  return (
    <Section title={text.profile.sessions.title} lead={text.profile.sessions.lead} action={action}>
      {sessions.isError ? <Failure error={sessions.error} retry={() => void sessions.refetch()} /> : null}
      {sessions.data === undefined ? (
        <Rows count={3} />
      ) : (
        <Table verticalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{columns.where}</Table.Th>
              <Table.Th visibleFrom="sm">{columns.address}</Table.Th>
              <Table.Th>{columns.seen}</Table.Th>
              <Table.Th visibleFrom="sm">{columns.since}</Table.Th>
              <Table.Td />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {sessions.data.map((session) => (
              <Row key={session.id} session={session} />
            ))}
          </Table.Tbody>
        </Table>
      )}
      {isEnding ? (
        <Confirm
          title={text.profile.sessions.endOthersTitle}
          action={text.profile.sessions.endOthers}
          change={endOthers}
          onClose={ending.close}
        >
          {text.profile.sessions.endOthersLead}
        </Confirm>
      ) : null}
    </Section>
  )
}

/** In words: `Firefox on Linux`. */
function useName({ userAgent, kind }: Session): string {
  const { text } = useSpeech()
  if (kind === 'registry') return text.profile.sessions.registry
  const { program, system } = deviceOf(userAgent)
  if (program === undefined) return system ?? userAgent?.slice(0, 40) ?? text.profile.sessions.unknown
  return system === undefined ? program : text.profile.sessions.on(program, system)
}

function Row({ session }: { readonly session: Session }) {
  const { text } = useSpeech()
  const tell = useTell()
  const name = useName(session)
  const [isEnding, ending] = useDisclosure()
  const end = useChange(
    (_: undefined) => request('DELETE', `/user/sessions/${session.id}`),
    () => tell(text.profile.sessions.ended),
  )
  return (
    <Table.Tr>
      <Table.Td>
        <Group gap="xs">
          <Box component="span" visibleFrom="sm">
            {session.kind === 'registry' ? <PackageIcon /> : <DeviceDesktopIcon />}
          </Box>
          <Tooltip label={session.userAgent} disabled={session.userAgent === null} openDelay={300}>
            <Text size="sm">{name}</Text>
          </Tooltip>
          {session.current ? <Status tone="good">{text.profile.sessions.current}</Status> : null}
        </Group>
      </Table.Td>
      <Table.Td visibleFrom="sm">{session.address ?? '–'}</Table.Td>
      <Table.Td>{session.lastSeenAt === null ? '–' : <Time at={session.lastSeenAt} />}</Table.Td>
      <Table.Td visibleFrom="sm">
        <Time at={session.createdAt} />
      </Table.Td>
      <Table.Td ta="right">
        {session.current ? null : (
          <Button size="compact-xs" variant="default" onClick={ending.open}>
            {text.profile.sessions.end}
          </Button>
        )}
        {isEnding ? (
          <Confirm
            title={text.profile.sessions.endTitle(name)}
            action={text.profile.sessions.end}
            change={end}
            onClose={ending.close}
          >
            {text.profile.sessions.endLead}
          </Confirm>
        ) : null}
      </Table.Td>
    </Table.Tr>
  )
}
