/** By whom one signs in besides the password. */
import { Alert, Button, Group, Table, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { AlertIcon, LinkIcon } from '@primer/octicons-react'
import type { OwnIdentity, SignInProvider } from '../../api/sign-in.ts'
import { useChange } from '../api/client.ts'
import { request } from '../api/request.ts'
import { linkByProvider, signInProblem, useOwnIdentities, useSignInProviders } from '../api/sign-in.ts'
import { Confirm } from '../shell/dialog.tsx'
import { Empty, Failure, Rows, Time } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

export function IdentitiesSection() {
  const { text } = useSpeech()
  const linked = useOwnIdentities()
  const providers = useSignInProviders()
  const isLinked = ({ name, organization }: SignInProvider) =>
    linked.data?.some((one) => one.provider === name && one.organization === organization) === true
  const others = linked.data === undefined ? [] : (providers.data ?? []).filter((one) => !isLinked(one))
  return (
    <Section title={text.profile.identities.title} lead={text.profile.identities.lead}>
      {signInProblem === undefined ? null : (
        <Alert color="red" variant="light" role="alert" icon={<AlertIcon />}>
          {signInProblem}
        </Alert>
      )}
      {linked.isError ? <Failure error={linked.error} retry={() => void linked.refetch()} /> : null}
      {linked.data === undefined ? <Rows count={2} /> : <List links={linked.data} />}
      {others.length === 0 ? null : (
        <>
          <Text size="sm">{text.profile.identities.available}</Text>
          <Group>
            {others.map((one) => (
              <LinkButton key={one.id} provider={one} />
            ))}
          </Group>
        </>
      )}
    </Section>
  )
}

function LinkButton({ provider }: { readonly provider: SignInProvider }) {
  const { text } = useSpeech()
  const link = useChange(linkByProvider)
  const { name, organization } = provider
  return (
    <div>
      <Button
        variant="default"
        leftSection={<LinkIcon />}
        loading={link.isPending}
        onClick={() => link.mutate(provider)}
      >
        {text.profile.identities.link(organization === null ? name : `${name} (${organization})`)}
      </Button>
      {link.isError ? <Failure error={link.error} /> : null}
    </div>
  )
}

function List({ links }: { readonly links: readonly OwnIdentity[] }) {
  const { text } = useSpeech()
  const { columns } = text.profile.identities
  if (links.length === 0) return <Empty>{text.profile.identities.empty}</Empty>
  return (
    <Table verticalSpacing={6}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{columns.provider}</Table.Th>
          <Table.Th>{columns.as}</Table.Th>
          <Table.Th visibleFrom="sm">{columns.linked}</Table.Th>
          <Table.Td />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {links.map((link) => (
          <Row key={link.id} link={link} />
        ))}
      </Table.Tbody>
    </Table>
  )
}

function Row({ link }: { readonly link: OwnIdentity }) {
  const { text } = useSpeech()
  const tell = useTell()
  const [isEnding, ending] = useDisclosure()
  const end = useChange(
    (_: undefined) => request('DELETE', `/user/identities/${link.id}`),
    () => tell(text.profile.identities.unlinked),
  )
  const name = link.provider ?? `${link.issuer} (${text.profile.identities.removed})`
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={500}>
          {name}
        </Text>
        <Text size="xs" c="dimmed">
          {link.organization ?? text.profile.identities.instance}
        </Text>
      </Table.Td>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>{link.subject}</Table.Td>
      <Table.Td visibleFrom="sm">
        <Time at={link.linkedAt} />
      </Table.Td>
      <Table.Td ta="right">
        <Button size="compact-xs" variant="default" onClick={ending.open}>
          {text.profile.identities.unlink}
        </Button>
        {isEnding ? (
          <Confirm
            title={text.profile.identities.unlinkTitle(name)}
            action={text.profile.identities.unlink}
            change={end}
            onClose={ending.close}
          >
            {text.profile.identities.unlinkLead}
          </Confirm>
        ) : null}
      </Table.Td>
    </Table.Tr>
  )
}
