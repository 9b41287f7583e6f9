"""Sockets of the pages."""

from django.urls import URLPattern

sockets: list[URLPattern] = []
