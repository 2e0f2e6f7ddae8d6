/** Who else vouches: providers for people, rules for CI jobs. */
import { Button, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { IdentityProvider, IdentityRule } from '../../api/identities.ts'
import { useIdentities } from '../api/identities.ts'
import { MayNot } from '../shell/may-not.tsx'
import { Failure, Rows } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { Teach } from '../shell/teach.tsx'
import { useSpeech } from '../text/language.tsx'
import { ProviderCard } from './provider-card.tsx'
import { ProviderDialog } from './provider-dialog.tsx'
import { RuleCard } from './rule-card.tsx'
import { RuleDialog } from './rule-dialog.tsx'

export function IdentitySection(o: { readonly organization: string; readonly mayManage: boolean }) {
  const { text } = useSpeech()
  return o.mayManage ? <Identities organization={o.organization} /> : <MayNot>{text.identity.mayNot}</MayNot>
}

function Identities({ organization }: { readonly organization: string }) {
  const { text } = useSpeech()
  const identities = useIdentities(organization)
  const [isProvider, provider] = useDisclosure()
  const [isRule, rule] = useDisclosure()
  if (identities.isError) return <Failure error={identities.error} retry={() => void identities.refetch()} />
  if (identities.data === undefined) return <Rows count={4} />
  const providers = identities.data.filter((one): one is IdentityProvider => one.kind === 'provider')
  const rules = identities.data.filter((one): one is IdentityRule => one.kind === 'rule')
  return (
    <Stack>
      <Text c="dimmed" size="sm">
        {text.identity.lead}
      </Text>
      <Section
        title={text.identity.providers}
        lead={text.identity.providersLead}
        action={
          <Button variant="default" onClick={provider.open}>
            {text.identity.addProvider}
          </Button>
        }
      >
        {providers.length === 0 ? (
          <Teach
            command={`kagami identity add ${organization} sso --issuer https://login.example.com --client-id kagami`}
          >
            {text.identity.noProviders}
          </Teach>
        ) : null}
        {providers.map((one) => (
          <ProviderCard key={one.id} organization={organization} provider={one} />
        ))}
      </Section>
      <Section
        title={text.identity.rules}
        lead={text.identity.rulesLead}
        action={
          <Button variant="default" onClick={rule.open}>
            {text.identity.addRule}
          </Button>
        }
      >
        {rules.length === 0 ? (
          <Teach command={`kagami identity add ${organization} release --github OWNER/REPOSITORY --allow pull,push`}>
            {text.identity.noRules}
          </Teach>
        ) : null}
        {rules.map((one) => (
          <RuleCard key={one.id} organization={organization} rule={one} />
        ))}
      </Section>
      {isProvider ? <ProviderDialog organization={organization} onClose={provider.close} /> : null}
      {isRule ? <RuleDialog organization={organization} onClose={rule.close} /> : null}
    </Stack>
  )
}
