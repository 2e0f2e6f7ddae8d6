/** A provider of identity that people sign in by, of an organization or of the instance. */
import { Button, Card, Group, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { LockIcon } from '@primer/octicons-react'
import type { IdentityProvider } from '../../api/identities.ts'
import { Facts } from '../shell/facts.tsx'
import { Command, Time } from '../shell/parts.tsx'
import { Status } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'
import { ProviderDialog } from './provider-dialog.tsx'
import { RemoveIdentity } from './remove-identity.tsx'

export function ProviderCard(o: { readonly organization: string | null; readonly provider: IdentityProvider }) {
  const { text } = useSpeech()
  const { name, issuer, clientId, hasClientSecret, role, only, groups, signIn, redirectUri, trustEmail, lastUsedAt } =
    o.provider
  const [isEditing, editing] = useDisclosure()
  const { facts } = text.identity
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Group justify="space-between" align="flex-start">
          <div>
            <Group gap="xs">
              <Text fw={600}>{name}</Text>
              {only ? (
                <Status tone="good" icon={LockIcon}>
                  {text.identity.onlyBadge}
                </Status>
              ) : null}
            </Group>
            <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {issuer}
            </Text>
          </div>
          <Group gap="xs">
            <Button size="xs" variant="default" onClick={editing.open} aria-label={`${text.identity.edit}: ${name}`}>
              {text.identity.edit}
            </Button>
            <RemoveIdentity organization={o.organization} name={name} lost={text.identity.removeProviderLead} />
          </Group>
        </Group>
        <Facts
          facts={[
            [facts.client, clientId],
            [facts.secret, hasClientSecret ? text.identity.kept : text.identity.publicClient],
            ...(o.organization === null
              ? [[facts.trustEmail, trustEmail ? text.identity.trusted : text.identity.notTrusted] as const]
              : [
                  [facts.role, text.people.roles[role]] as const,
                  [
                    facts.groups,
                    groups.length === 0
                      ? text.identity.none
                      : groups.map(({ group, team }) => `${group} → ${team}`).join(', '),
                  ] as const,
                ]),
            [text.identity.used, lastUsedAt === null ? text.common.never : <Time key="used" at={lastUsedAt} />],
          ]}
        />
        <div>
          <Text size="sm">{text.identity.redirect}</Text>
          <Command line={redirectUri} />
        </div>
        <div>
          <Text size="sm">{text.identity.signIn}</Text>
          <Command line={signIn} />
        </div>
      </Stack>
      {isEditing ? (
        <ProviderDialog organization={o.organization} provider={o.provider} onClose={editing.close} />
      ) : null}
    </Card>
  )
}
