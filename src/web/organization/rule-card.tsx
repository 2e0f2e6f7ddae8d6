/** A rule by which CI jobs get a token of minutes, and what it refused lately. */
import { Button, Card, Code, Group, List, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { IdentityRule } from '../../api/identities.ts'
import { useRefusals } from '../api/identities.ts'
import { Facts } from '../shell/facts.tsx'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { Original } from '../shell/said.tsx'
import { useSpeech } from '../text/language.tsx'
import { RemoveIdentity } from './remove-identity.tsx'

export function RuleCard(o: { readonly organization: string; readonly rule: IdentityRule }) {
  const { text } = useSpeech()
  const { name, issuer, audience, subject, claims, allow, repositories, minutes, lastUsedAt } = o.rule
  const [isShown, shown] = useDisclosure()
  const { facts } = text.identity
  const conditions = Object.entries(claims)
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Group justify="space-between" align="flex-start">
          <div>
            <Text fw={600}>{name}</Text>
            <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {issuer}
            </Text>
          </div>
          <RemoveIdentity organization={o.organization} name={name} lost={text.identity.removeRuleLead} />
        </Group>
        <Facts
          cols={{ base: 1, sm: 2, lg: 3 }}
          facts={[
            [facts.audience, audience],
            ...(subject === null ? [] : [[facts.subject, <Code key="subject">{subject}</Code>] as const]),
            ...(conditions.length === 0
              ? []
              : [[facts.claims, conditions.map(([claim, pattern]) => `${claim} = ${pattern}`).join(', ')] as const]),
            [facts.allow, allow.map((right) => text.organizationTokens.short[right]).join(', ')],
            [facts.repositories, repositories.join(', ')],
            [facts.minutes, text.identity.minutes(minutes)],
            [text.identity.used, lastUsedAt === null ? text.common.never : <Time key="used" at={lastUsedAt} />],
          ]}
        />
        {isShown ? (
          <Refusals organization={o.organization} name={name} />
        ) : (
          <Group>
            <Button
              size="xs"
              variant="default"
              onClick={shown.open}
              aria-label={`${text.identity.showRefusals}: ${name}`}
            >
              {text.identity.showRefusals}
            </Button>
          </Group>
        )}
      </Stack>
    </Card>
  )
}

function Refusals({ organization, name }: { readonly organization: string; readonly name: string }) {
  const { text, said } = useSpeech()
  const refusals = useRefusals(organization, name)
  if (refusals.isError) return <Failure error={refusals.error} retry={() => void refusals.refetch()} />
  if (refusals.data === undefined) return <Rows count={2} />
  return (
    <div>
      <Text size="sm" fw={600}>
        {text.identity.refusals}
      </Text>
      {refusals.data.length === 0 ? (
        <Text size="sm" c="dimmed">
          {text.identity.noRefusals}
        </Text>
      ) : (
        <List size="sm">
          {refusals.data.map((one) => (
            <List.Item key={`${one.at} ${one.subject} ${one.reason}`}>
              <Time at={one.at} /> ·{' '}
              {[
                one.subject,
                said?.refusals[one.verified ? 'verified' : 'unverified'] ?? one.reason,
                text.identity.attempts(one.attempts),
              ]
                .filter(Boolean)
                .join(' · ')}
              {said === undefined ? null : <Original>{one.reason}</Original>}
            </List.Item>
          ))}
        </List>
      )}
    </div>
  )
}
