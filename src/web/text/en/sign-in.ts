export const signIn = {
  title: 'Sign in to Kagami',
  lead: 'Your organization’s own mirror of the images it builds on.',
  username: 'Username or email address',
  password: 'Password',
  code: 'Code from your authenticator app, or a recovery code',
  submit: 'Sign in',
  wrong: 'Incorrect username or password.',
  wrongCode: 'This code is incorrect, or was used before.',
}
