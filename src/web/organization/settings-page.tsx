/** What an organization goes by, section by section; which section stands in the address. */
import { Tabs } from '@mantine/core'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useDisplayName, useManagesPeople, useRole } from '../api/organizations.ts'
import { Page } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'
import { AuditSection } from './audit-section.tsx'
import { GeneralSection } from './general-section.tsx'
import { IdentitySection } from './identity-section.tsx'
import { SECTIONS, type SettingsSection } from './settings-search.ts'
import { SubscriptionsSection } from './subscriptions-section.tsx'
import { TokensSection } from './tokens-section.tsx'
import { UpstreamsSection } from './upstreams-section.tsx'
import { UsageSection } from './usage-section.tsx'

export function SettingsPage() {
  const { text } = useSpeech()
  const { organization } = useParams({ from: '/within/o/$organization/settings' })
  const { section = 'general', of, ...filter } = useSearch({ from: '/within/o/$organization/settings' })
  const navigate = useNavigate({ from: '/o/$organization/settings' })
  const isOwner = useRole(organization) === 'owner'
  const managesPeople = useManagesPeople(organization)
  const lookAt = (name: string | undefined) =>
    navigate({ search: { section, ...(name === undefined ? {} : { of: name }) } })
  return (
    <Page title={text.organization.title} lead={text.organization.lead(useDisplayName(organization))}>
      <Tabs
        value={section}
        onChange={(chosen) => void navigate({ search: { section: chosen as SettingsSection } })}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          {SECTIONS.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {text.organization.sections[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="general">
          <GeneralSection organization={organization} isOwner={isOwner} />
        </Tabs.Panel>
        <Tabs.Panel value="tokens">
          <TokensSection organization={organization} isOwner={isOwner} />
        </Tabs.Panel>
        <Tabs.Panel value="upstreams">
          <UpstreamsSection organization={organization} mayManage={isOwner} of={of} lookAt={lookAt} />
        </Tabs.Panel>
        <Tabs.Panel value="subscriptions">
          <SubscriptionsSection organization={organization} of={of} lookAt={lookAt} />
        </Tabs.Panel>
        <Tabs.Panel value="identity">
          <IdentitySection organization={organization} mayManage={managesPeople} />
        </Tabs.Panel>
        <Tabs.Panel value="audit">
          <AuditSection
            organization={organization}
            mayRead={isOwner}
            filter={filter}
            onFilter={(next) => void navigate({ search: { section, ...next }, replace: true })}
          />
        </Tabs.Panel>
        <Tabs.Panel value="usage">
          <UsageSection organization={organization} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  )
}
