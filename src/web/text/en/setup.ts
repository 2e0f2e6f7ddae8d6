export const setup = {
  title: 'Set up Kagami',
  lead: 'This server has no owner yet. Create the first account and organization; you can invite people later.',
  code: 'Setup code',
  codeHelp: 'Printed by the server when it started. It works once.',
  organization: 'Organization',
  organizationHelp: 'The first part of every image name, such as acme in acme/python.',
  username: 'Username',
  displayName: 'Your name',
  password: 'Password',
  passwordHelp: 'At least 8 characters.',
  submit: 'Create account and sign in',
  over: 'Setup is already done',
  overLead: 'This server has an owner. Sign in, or ask an owner for an invitation.',
  toSignIn: 'Go to sign-in',
  signedInLead: 'This server has an owner, and you are signed in.',
}

export const enter = {
  opening: 'Signing you in …',
  broken: 'This link no longer works',
  help: 'Sign-in links work once, within 15 minutes. To get a new one, run this on the server:',
  toSignIn: 'Sign in with a password',
}
