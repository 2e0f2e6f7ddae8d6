/** Providers of identity of the whole server. */
import { Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useSharedProviders } from '../api/identities.ts'
import { ProviderCard } from '../organization/provider-card.tsx'
import { ProviderDialog } from '../organization/provider-dialog.tsx'
import { Failure, Rows } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { Teach } from '../shell/teach.tsx'
import { useSpeech } from '../text/language.tsx'

export function IdentityTab() {
  const { text } = useSpeech()
  const providers = useSharedProviders()
  const [isOpen, dialog] = useDisclosure()
  if (providers.isError) return <Failure error={providers.error} retry={() => void providers.refetch()} />
  if (providers.data === undefined) return <Rows count={3} />
  return (
    <Section
      title={text.identity.shared}
      lead={text.identity.sharedLead}
      action={<Button onClick={dialog.open}>{text.identity.addProvider}</Button>}
    >
      {providers.data.length === 0 ? (
        <Teach command="kagami identity add house --shared --issuer https://login.example.com --client-id kagami">
          {text.identity.noProviders}
        </Teach>
      ) : null}
      {providers.data.map((one) => (
        <ProviderCard key={one.id} organization={null} provider={one} />
      ))}
      {isOpen ? <ProviderDialog organization={null} onClose={dialog.close} /> : null}
    </Section>
  )
}
