"""Tests: mirror the apps; journeys are whole stories, browser runs real Chromium, house checks the house."""
