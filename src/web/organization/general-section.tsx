/** What an organization is, how much it may store, and what its members pull. */
import { Button, Group, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { Organization } from '../../api/organizations.ts'
import { useChange } from '../api/client.ts'
import { useOrganization } from '../api/organizations.ts'
import { organizationPath } from '../api/paths.ts'
import { request } from '../api/request.ts'
import { bytes, number } from '../format/sizes.ts'
import { Confirm } from '../shell/dialog.tsx'
import { Facts } from '../shell/facts.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { DeleteOrganization } from './delete-organization.tsx'
import { DisplayName } from './display-name.tsx'
import { QuotaBar } from './quota-bar.tsx'

export function GeneralSection(o: { readonly organization: string; readonly isOwner: boolean }) {
  const { text, language } = useSpeech()
  const found = useOrganization(o.organization)
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />
  if (found.data === undefined) return <Rows count={3} />
  const { name, role, repositories, sizeBytes, quotaBytes, createdAt } = found.data
  const { facts } = text.organization
  return (
    <Stack>
      <Section title={name}>
        <Facts
          facts={[
            [facts.role, role === null ? text.organization.noRole : text.people.roles[role]],
            [facts.repositories, number(repositories, language)],
            ...(sizeBytes === null ? [] : [[facts.stored, bytes(sizeBytes, language)] as const]),
            [facts.made, <Time key="made" at={createdAt} />],
          ]}
        />
      </Section>
      <DisplayName organization={found.data} isOwner={o.isOwner} />
      <Section title={text.organization.quota} lead={text.organization.quotaHelp}>
        {sizeBytes === null ? (
          <Text size="sm">{text.organization.quotaUnknown}</Text>
        ) : quotaBytes === null ? (
          <Text size="sm">{text.organization.noQuota}</Text>
        ) : (
          <QuotaBar used={sizeBytes} quota={quotaBytes} />
        )}
      </Section>
      <MembersPull organization={found.data} isOwner={o.isOwner} />
      {o.isOwner ? <DeleteOrganization name={name} /> : null}
    </Stack>
  )
}

function MembersPull({ organization, isOwner }: { readonly organization: Organization; readonly isOwner: boolean }) {
  const { text } = useSpeech()
  const tell = useTell()
  const [isOpen, dialog] = useDisclosure()
  const { name, membersPull } = organization
  const other = membersPull === 'all' ? 'none' : 'all'
  const change = useChange(
    () => request('PATCH', organizationPath(name), { body: { membersPull: other } }),
    () => tell(text.organization.changed),
  )
  return (
    <Section title={text.organization.membersPull} lead={text.organization.membersPullLead}>
      <Group>
        <Text size="sm" fw={500}>
          {text.organization.membersPulls[membersPull]}
        </Text>
        {isOwner ? (
          <Button
            size="compact-sm"
            variant="default"
            onClick={dialog.open}
            aria-label={`${text.organization.change}: ${text.organization.membersPull}`}
          >
            {text.organization.change}
          </Button>
        ) : null}
      </Group>
      {isOwner ? null : <MayNot>{text.organization.mayNot}</MayNot>}
      {isOpen ? (
        <Confirm
          title={text.organization.membersPullConfirm}
          action={text.organization.membersPulls[other]}
          color={other === 'all' ? 'teal' : 'red'}
          change={change}
          onClose={dialog.close}
        >
          {other === 'all' ? text.organization.membersPullMore : text.organization.membersPullLess}
        </Confirm>
      ) : null}
    </Section>
  )
}
