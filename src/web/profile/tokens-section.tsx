/** Access tokens of one's own: made, shown once, and revoked. */
import { Button, Table, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { AlertIcon } from '@primer/octicons-react'
import type { Token } from '../../api/tokens.ts'
import { useChange } from '../api/client.ts'
import { request } from '../api/request.ts'
import { useTokens } from '../api/tokens.ts'
import { Confirm } from '../shell/dialog.tsx'
import { Empty, Failure, Rows, Time } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { Status } from '../shell/status.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { TokenDialog } from './token-dialog.tsx'

export function TokensSection() {
  const { text } = useSpeech()
  const tokens = useTokens()
  const [isCreating, creating] = useDisclosure()
  return (
    <Section
      title={text.profile.tokens.title}
      lead={text.profile.tokens.lead}
      action={<Button onClick={creating.open}>{text.profile.tokens.create}</Button>}
    >
      {tokens.isError ? <Failure error={tokens.error} retry={() => void tokens.refetch()} /> : null}
      {tokens.data === undefined ? <Rows count={3} /> : <List tokens={tokens.data} />}
      {isCreating ? <TokenDialog onClose={creating.close} /> : null}
    </Section>
  )
}

function List({ tokens }: { readonly tokens: readonly Token[] }) {
  const { text } = useSpeech()
  const { columns } = text.profile.tokens
  if (tokens.length === 0) return <Empty>{text.profile.tokens.empty}</Empty>
  return (
    <Table verticalSpacing={6}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{columns.label}</Table.Th>
          <Table.Th visibleFrom="sm">{columns.scope}</Table.Th>
          <Table.Th>{columns.expires}</Table.Th>
          <Table.Th visibleFrom="sm">{columns.used}</Table.Th>
          <Table.Td />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {tokens.map((token) => (
          <Row key={token.id} token={token} />
        ))}
      </Table.Tbody>
    </Table>
  )
}

function Row({ token }: { readonly token: Token }) {
  const { text } = useSpeech()
  const tell = useTell()
  const [isRevoking, revoking] = useDisclosure()
  const revoke = useChange(
    (_: undefined) => request('DELETE', `/tokens/${token.id}`),
    () => tell(text.profile.tokens.revoked),
  )
  const { label, scope, expiresAt, lastUsedAt } = token
  const isOver = expiresAt !== null && Date.parse(expiresAt) <= Date.now()
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={500}>
          {label}
        </Text>
        <Text size="xs" c="dimmed" hiddenFrom="sm">
          {text.profile.tokens.scopes[scope]}
        </Text>
      </Table.Td>
      <Table.Td visibleFrom="sm">{text.profile.tokens.scopes[scope]}</Table.Td>
      <Table.Td>
        {expiresAt === null ? (
          text.common.never
        ) : isOver ? (
          <Status tone="broken" icon={AlertIcon}>
            {text.profile.tokens.over}
          </Status>
        ) : (
          <Time at={expiresAt} />
        )}
      </Table.Td>
      <Table.Td visibleFrom="sm">{lastUsedAt === null ? text.common.never : <Time at={lastUsedAt} />}</Table.Td>
      <Table.Td ta="right">
        <Button size="compact-xs" variant="default" onClick={revoking.open}>
          {text.profile.tokens.revoke}
        </Button>
        {isRevoking ? (
          <Confirm
            title={text.profile.tokens.revokeTitle(label)}
            action={text.profile.tokens.revoke}
            change={revoke}
            onClose={revoking.close}
          >
            {text.profile.tokens.revokeLead}
          </Confirm>
        ) : null}
      </Table.Td>
    </Table.Tr>
  )
}
