/** Who one is here, and how one gets in, part by part; which part stands in the address. */
import { Select, Tabs } from '@mantine/core'
import { useNavigate, useParams } from '@tanstack/react-router'
import { useProfile } from '../api/profile.ts'
import { Page } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'
import { AccountSection } from './account-section.tsx'
import { IdentitiesSection } from './identities-section.tsx'
import { PasswordSection } from './password-section.tsx'
import { SECTIONS, sectionOf } from './sections.ts'
import { SessionsSection } from './sessions-section.tsx'
import { TokensSection } from './tokens-section.tsx'
import { TwoFactorSection } from './two-factor-section.tsx'

export function ProfilePage() {
  const { text } = useSpeech()
  const navigate = useNavigate()
  const section = sectionOf(useParams({ strict: false }).section)
  const user = useProfile().data
  if (!user) return null
  const go = (chosen: string | null) =>
    void navigate({ to: '/profile/$section', params: { section: sectionOf(chosen ?? '') } })
  return (
    <Page title={text.profile.title} lead={text.profile.lead}>
      <Tabs value={section} onChange={go} keepMounted={false}>
        <Select
          hiddenFrom="sm"
          mb="md"
          aria-label={text.profile.title}
          data={SECTIONS.map((value) => ({ value, label: text.profile.sections[value] }))}
          value={section}
          onChange={go}
          allowDeselect={false}
        />
        <Tabs.List mb="md" visibleFrom="sm">
          {SECTIONS.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {text.profile.sections[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="account">
          <AccountSection key={user.id} user={user} />
        </Tabs.Panel>
        <Tabs.Panel value="password">
          <PasswordSection user={user} />
        </Tabs.Panel>
        <Tabs.Panel value="two-factor">
          <TwoFactorSection user={user} />
        </Tabs.Panel>
        <Tabs.Panel value="sessions">
          <SessionsSection />
        </Tabs.Panel>
        <Tabs.Panel value="tokens">
          <TokensSection />
        </Tabs.Panel>
        <Tabs.Panel value="identities">
          <IdentitiesSection />
        </Tabs.Panel>
      </Tabs>
    </Page>
  )
}
