"""Mirror the apps; journeys are whole stories, browser runs Chromium, house checks the house."""
